/*
 * Any bytes as a response. The first input byte says where the rest is cut, and by its lowest bit whether
 * HEAD was asked. Whole and cut must come to the same; what is accepted, written anew, must be accepted again
 * with the same meaning.
 */
#include "http/problem.h"
#include "http/write.h"

#include <stdlib.h>

#define HEADERS     32
#define INPUT_MAX   4096
#define REQUIRE(ok) ((ok) ? (void)0 : abort())

static const struct http_limits limits = {.head_bytes = 2048, .target_bytes = 512};

struct parse {
    struct http_head_parser parser;
    struct http_head head;
    struct http_header headers[HEADERS];
    enum http_parse outcome;
};

static void parse_in_steps(struct parse *parse, const char *bytes, size_t size, size_t step,
                           enum http_method method)
{
    http_head_parser_init_response(&parse->parser, &parse->head, parse->headers, HEADERS, &limits, method);
    parse->outcome = HTTP_PARSE_MORE;
    for (size_t given = 0; given < size && parse->outcome == HTTP_PARSE_MORE;) {
        given = given + step < size ? given + step : size;
        char *block = malloc(given);
        REQUIRE(block != NULL);
        memcpy(block, bytes, given);
        parse->outcome = http_head_parse(&parse->parser, block, given);
        parse->head.bytes = bytes;
        free(block);
    }
}

static void require_same(const struct parse *a, const struct parse *b)
{
    REQUIRE(a->outcome == b->outcome);
    if (a->outcome == HTTP_PARSE_ERROR) {
        REQUIRE(a->parser.code == b->parser.code && http_problem(a->parser.code)->message != NULL);
    }
    if (a->outcome == HTTP_PARSE_DONE) {
        REQUIRE(a->head.length == b->head.length && a->head.status == b->head.status);
        REQUIRE(a->head.framing == b->head.framing && a->head.content_length == b->head.content_length);
        REQUIRE(a->head.header_count == b->head.header_count);
        REQUIRE(memcmp(a->headers, b->headers, a->head.header_count * sizeof(a->headers[0])) == 0);
    }
}

static void require_clean(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        REQUIRE((c >= ' ' || c == '\t') && c != 0x7f);
    }
}

static void require_round_trip(const struct http_head *head, enum http_method method)
{
    char written[INPUT_MAX];
    struct parse again;
    struct http_writer writer = http_writer_make(written, sizeof(written));
    struct http_response_edit edit = {.client_minor = 1};
    edit.framing = (uint8_t)http_response_framing(head, edit.client_minor);
    edit.keep_alive = edit.framing != HTTP_FRAMING_UNTIL_CLOSE;
    http_write_response(&writer, head, &edit);
    http_write_end(&writer);
    REQUIRE(!writer.full);
    static const struct http_limits wide = {INPUT_MAX, INPUT_MAX};
    http_head_parser_init_response(&again.parser, &again.head, again.headers, HEADERS, &wide, method);
    size_t size = http_writer_size(&writer);
    enum http_parse outcome = http_head_parse(&again.parser, written, size);
    if (outcome == HTTP_PARSE_ERROR) {
        REQUIRE(again.parser.code == ERROR_TOO_MANY_HEADERS);
        return;
    }
    REQUIRE(outcome == HTTP_PARSE_DONE && again.head.length == size && again.head.status == head->status);
    REQUIRE(again.head.framing == edit.framing);
    REQUIRE(head->framing != HTTP_FRAMING_LENGTH || again.head.content_length == head->content_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    static struct parse whole, cut, bytewise;
    const char *bytes = (const char *)data + 1;
    enum http_method method = data[0] & 1 ? HTTP_METHOD_HEAD : HTTP_METHOD_GET;
    size--;
    parse_in_steps(&whole, bytes, size, size, method);
    parse_in_steps(&cut, bytes, size, 1 + size * data[0] / 256, method);
    parse_in_steps(&bytewise, bytes, size, 1, method);
    require_same(&whole, &cut);
    require_same(&whole, &bytewise);
    if (whole.outcome == HTTP_PARSE_DONE) {
        require_clean(http_head_text(&whole.head, whole.head.reason));
        for (uint32_t i = 0; i < whole.head.header_count; i++) {
            require_clean(http_head_value(&whole.head, &whole.head.headers[i]));
        }
        require_round_trip(&whole.head, method);
    }
    return 0;
}
