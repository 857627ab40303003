/* What is asked of the desk: whatever the head of a request holds, the ask has its parts, and what goes on to
 * the function is header lines without any of those that are not for it. */
#include "calls/desk_ask.h"

#include <stdlib.h>

static void check_head(const char *head)
{
    const char *end;
    for (; (end = strstr(head, "\r\n")); head = end + 2) {
        if (!memchr(head, ':', (size_t)(end - head)) || memchr(head, '\r', (size_t)(end - head)) ||
            strncasecmp(head, "x-berth-async:", 14) == 0 || strncasecmp(head, "content-length:", 15) == 0)
            abort();
    }
    if (*head)
        abort();
}

static void check_ask(const struct desk_ask *ask)
{
    size_t digits = strlen(ask->id);
    if (digits != 0 && digits != CALL_ID_DIGITS)
        abort();
    if (ask->kind != DESK_ACCEPT)
        return;
    if (!ask->function || !*ask->function || !*ask->method || !ask->target)
        abort();
    check_head(ask->head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_header headers[HTTP_HEADERS_DEFAULT];
    struct http_head head;
    struct http_head_parser parser;
    const struct http_limits limits = {.head_bytes = 65536, .target_bytes = 65536};
    struct desk_ask ask;
    http_head_parser_init_request(&parser, &head, headers, HTTP_HEADERS_DEFAULT, &limits);
    if (http_head_parse(&parser, (const char *)data, size) != HTTP_PARSE_DONE ||
        desk_ask_read(&head, &ask) < 0)
        return 0;
    check_ask(&ask);
    desk_ask_clear(&ask);
    return 0;
}
