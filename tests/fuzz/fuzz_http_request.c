/*
 * Any bytes as a request. The first input byte says where the rest is cut. Whole, cut and byte by byte must
 * come to the same; what is accepted must hold no surprise, and, written anew, must be accepted again with
 * the same meaning.
 */
#include "http/hop.h"
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

static void parse_begin(struct parse *parse)
{
    http_head_parser_init_request(&parse->parser, &parse->head, parse->headers, HEADERS, &limits);
    parse->outcome = HTTP_PARSE_MORE;
}

/* Parses the first `size` bytes from a block of just that size. */
static void parse_some(struct parse *parse, const char *bytes, size_t size)
{
    if (parse->outcome == HTTP_PARSE_MORE) {
        char *block = malloc(size + 1);
        REQUIRE(block != NULL);
        memcpy(block, bytes, size);
        parse->outcome = http_head_parse(&parse->parser, block, size);
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
        REQUIRE(a->head.length == b->head.length);
        REQUIRE(a->head.header_count == b->head.header_count);
        REQUIRE(a->head.framing == b->head.framing);
        REQUIRE(a->head.content_length == b->head.content_length);
        REQUIRE(memcmp(a->headers, b->headers, a->head.header_count * sizeof(a->headers[0])) == 0);
    }
}

static void require_clean(struct http_text text, unsigned char above)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        REQUIRE((c >= above || c == '\t') && c != 0x7f);
    }
}

static void require_no_surprise(const struct http_head *head)
{
    require_clean(http_head_text(head, head->target), '!');
    require_clean(http_head_text(head, head->host), '!');
    int64_t hops = http_hops_left(head);
    REQUIRE(hops >= -1 && hops <= UINT32_MAX);
    REQUIRE(hops < 0 || http_head_has(head, HTTP_HEADER_MAX_FORWARDS));
    REQUIRE(head->framing != HTTP_FRAMING_UNTIL_CLOSE);
    REQUIRE(head->framing != HTTP_FRAMING_LENGTH || head->content_length >= 0);
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct http_text name = http_head_name(head, &head->headers[i]);
        struct http_text value = http_head_value(head, &head->headers[i]);
        REQUIRE(name.length > 0);
        for (size_t k = 0; k < name.length; k++) {
            REQUIRE(http_char_is_token(name.data[k]));
        }
        require_clean(value, ' ');
        REQUIRE(http_text_trim(value).length == value.length);
    }
}

static void require_round_trip(const struct http_head *head)
{
    char written[INPUT_MAX];
    struct parse again;
    struct http_writer writer = http_writer_make(written, sizeof(written));
    struct http_text path = http_head_text(head, head->path);
    struct http_request_edit edit = {.target = {path.data, path.length + head->query.length}};
    if (head->target_form == HTTP_TARGET_ASTERISK) {
        edit.target = HTTP_TEXT("*");
    }
    http_write_request(&writer, head, &edit);
    http_write_end(&writer);
    REQUIRE(!writer.full);
    static const struct http_limits wide = {INPUT_MAX, INPUT_MAX};
    http_head_parser_init_request(&again.parser, &again.head, again.headers, HEADERS, &wide);
    size_t size = http_writer_size(&writer);
    enum http_parse outcome = http_head_parse(&again.parser, written, size);
    if (outcome == HTTP_PARSE_ERROR) {
        REQUIRE(again.parser.code == ERROR_TOO_MANY_HEADERS);
        return;
    }
    REQUIRE(outcome == HTTP_PARSE_DONE && again.head.length == size);
    REQUIRE(again.head.framing == head->framing && again.head.content_length == head->content_length);
    REQUIRE(again.head.method == head->method && again.head.upgrade == head->upgrade);
    REQUIRE(http_text_equal(http_head_text(&again.head, again.head.host), http_head_text(head, head->host)));
    REQUIRE(
        http_text_equal(http_head_text(&again.head, again.head.query), http_head_text(head, head->query)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > INPUT_MAX) {
        return 0;
    }
    static struct parse whole, cut, bytewise;
    const char *bytes = (const char *)data + 1;
    size--;
    parse_begin(&whole);
    parse_some(&whole, bytes, size);
    parse_begin(&cut);
    parse_some(&cut, bytes, size * data[0] / 256);
    parse_some(&cut, bytes, size);
    parse_begin(&bytewise);
    for (size_t i = 0; i <= size; i++) {
        parse_some(&bytewise, bytes, i);
    }
    require_same(&whole, &cut);
    require_same(&whole, &bytewise);
    if (whole.outcome == HTTP_PARSE_DONE) {
        require_no_surprise(&whole.head);
        require_round_trip(&whole.head);
    }
    return 0;
}
