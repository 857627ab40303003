/* A request's origin: whatever a trusted proxy sends, the client is an address, the scheme one of two, the
 * host one that a request may have, and the prefix a path. */
#include "gateway/origin.h"

#include <stdlib.h>

static void check_origin(const struct origin *origin)
{
    struct ip_address address;
    if (!ip_address_parse(origin->client, origin->client_length, &address))
        abort();
    if (!http_text_equal(origin->scheme, HTTP_TEXT("http")) &&
        !http_text_equal(origin->scheme, HTTP_TEXT("https")))
        abort();
    if (!http_host_is_valid(origin->host))
        abort();
    if (origin->prefix.length > 0 &&
        (origin->prefix.length < 2 || origin->prefix.data[0] != '/' || origin->prefix.data[1] == '/'))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HTTP_HEADERS_DEFAULT];
    struct http_head head;
    struct http_head_parser parser;
    const struct http_limits limits = {.head_bytes = 65536, .target_bytes = 65536};
    struct network network;
    struct network_list trusted = {&network, 1};
    struct origin origin;
    network_parse("10.0.0.0/8", 10, &network);
    http_head_parser_init_request(&parser, &head, headers, HTTP_HEADERS_DEFAULT, &limits);
    if (http_head_parse(&parser, (const char *)data, size) != HTTP_PARSE_DONE)
        return 0;
    origin_find(&head, HTTP_TEXT("10.0.0.1"), &trusted, &origin);
    check_origin(&origin);
    return 0;
}
