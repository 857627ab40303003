/* What is left of a request's preferences, as another request would have it, has all of them but the one. */
#include "http/prefer.h"

#include <stdlib.h>
#include <string.h>

#define HEADERS     32
#define WRITTEN_MAX 4096
#define NAME        HTTP_TEXT("respond-async")
#define REQUIRE(ok) ((ok) ? (void)0 : abort())

static const struct http_limits limits = {.head_bytes = WRITTEN_MAX, .target_bytes = 512};

/* What is left of those of a head, behind `line`. Returns its size; 0: it is none. */
static size_t rest_of(const char *bytes, size_t size, const char *line, char ret_rest[WRITTEN_MAX],
                      bool *ret_has)
{
    struct http_header headers[HEADERS];
    struct http_head head;
    struct http_head_parser parser;
    http_head_parser_init_request(&parser, &head, headers, HEADERS, &limits);
    if (http_head_parse(&parser, bytes, size) != HTTP_PARSE_DONE)
        return 0;
    struct http_writer writer = http_writer_make(ret_rest, WRITTEN_MAX);
    http_write_raw(&writer, line, strlen(line));
    http_prefer_write_others(&writer, &head, NAME);
    http_write_end(&writer);
    *ret_has = http_prefer_has(&head, NAME);
    return writer.full ? 0 : http_writer_size(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] = "GET / HTTP/1.1\r\nHost: x\r\n";
    char first[WRITTEN_MAX], second[WRITTEN_MAX];
    bool has = false;
    size_t first_size = rest_of((const char *)data, size, line, first, &has);
    if (first_size == 0)
        return 0;
    size_t second_size = rest_of(first, first_size, line, second, &has);
    REQUIRE(!has && second_size == first_size && memcmp(first, second, first_size) == 0);
    return 0;
}
