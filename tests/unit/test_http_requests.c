/* Every raw request of the table: whole, byte by byte, and cut in two at every position. */
#include "http/write.h"

#include "http_cases.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HEADERS    128
#define LONG_INPUT 2000 /* from here on a growing input is not moved */

static const struct http_limits limits = {.head_bytes = 16384, .target_bytes = 8192};

struct parse {
    struct http_head_parser parser;
    struct http_head head;
    struct http_header headers[HEADERS];
};

static void parse_init(struct parse *parse)
{
    http_head_parser_init_request(&parse->parser, &parse->head, parse->headers, HEADERS, &limits);
}

static const char *framing_text(const struct http_head *head, char buffer[64])
{
    if (head->framing != HTTP_FRAMING_LENGTH) {
        return head->framing == HTTP_FRAMING_NONE ? "none" : "chunked";
    }
    snprintf(buffer, 64, "length:%lld", (long long)head->content_length);
    return buffer;
}

/* The outcome as the table writes it. */
static void describe(const struct parse *parse, enum http_parse outcome, size_t size, char ret_text[128])
{
    const struct http_head *head = &parse->head;
    char framing[64];
    if (outcome == HTTP_PARSE_MORE) {
        snprintf(ret_text, 128, "more");
    } else if (outcome == HTTP_PARSE_ERROR) {
        snprintf(ret_text, 128, "refuse %d %s", error_code_status(parse->parser.code),
                 error_code_slug(parse->parser.code));
    } else {
        struct http_text method = http_head_text(head, head->method_text);
        snprintf(ret_text, 128, "accept HTTP/1.%d %.*s %s %s rest=%zu%s%s", head->version_minor,
                 (int)method.length, method.data, framing_text(head, framing),
                 head->keep_alive ? "keep-alive" : "close", size - head->length,
                 head->upgrade ? " upgrade" : "", head->expect_continue ? " expect" : "");
    }
}

static size_t forward(const struct http_head *head, char *buffer, size_t capacity)
{
    struct http_text path = http_head_text(head, head->path);
    struct http_writer writer = http_writer_make(buffer, capacity);
    struct http_request_edit edit = {.target = {path.data, path.length + head->query.length}};
    if (head->target_form == HTTP_TARGET_ASTERISK) {
        edit.target = HTTP_TEXT("*");
    }
    http_write_request(&writer, head, &edit);
    http_write_end(&writer);
    assert_false(writer.full);
    return http_writer_size(&writer);
}

static void check(const struct http_case *expected, const struct parse *parse, enum http_parse outcome,
                  const char *how, size_t position)
{
    char text[128];
    static char written[HTTP_CASE_BYTES];
    describe(parse, outcome, expected->input_size, text);
    if (strcmp(text, expected->outcome) != 0) {
        fail_msg("%s, %s %zu: %s instead of %s", expected->name, how, position, text, expected->outcome);
    }
    if (outcome == HTTP_PARSE_DONE) {
        size_t size = forward(&parse->head, written, sizeof(written));
        if (size != expected->forwarded_size || memcmp(written, expected->forwarded, size) != 0) {
            fail_msg("%s, %s %zu: forwarded as <%.*s>", expected->name, how, position, (int)size, written);
        }
    }
}

/* Gives the parser the first `size` bytes in a block of exactly that size, so that a sanitizer sees every
 * read behind it. */
static enum http_parse parse_copy(struct parse *parse, const struct http_case *source, size_t size,
                                  char **block)
{
    free(*block);
    *block = malloc(size > 0 ? size : 1);
    assert_non_null(*block);
    memcpy(*block, source->input, size);
    return http_head_parse(&parse->parser, *block, size);
}

static void check_whole(const struct http_case *expected)
{
    struct parse parse;
    char *block = NULL;
    parse_init(&parse);
    enum http_parse outcome = parse_copy(&parse, expected, expected->input_size, &block);
    check(expected, &parse, outcome, "whole", 0);
    free(block);
}

static void check_bytewise(const struct http_case *expected)
{
    struct parse parse;
    char *block = NULL;
    enum http_parse outcome = HTTP_PARSE_MORE;
    bool moving = expected->input_size < LONG_INPUT;
    parse_init(&parse);
    for (size_t size = 0; size <= expected->input_size && outcome == HTTP_PARSE_MORE; size++) {
        outcome = moving ? parse_copy(&parse, expected, size, &block)
                         : http_head_parse(&parse.parser, expected->input, size);
    }
    check(expected, &parse, outcome, "byte by byte", 0);
    free(block);
}

static void check_cut(const struct http_case *expected, size_t position)
{
    struct parse parse;
    char *block = NULL;
    parse_init(&parse);
    enum http_parse outcome = parse_copy(&parse, expected, position, &block);
    if (outcome == HTTP_PARSE_MORE) {
        outcome = parse_copy(&parse, expected, expected->input_size, &block);
    }
    check(expected, &parse, outcome, "cut at", position);
    free(block);
}

static void test_table(void **state)
{
    (void)state;
    static struct http_case expected;
    unsigned count = 0;
    FILE *file = fopen(TEST_DATA_DIR "/http/requests.txt", "re");
    assert_non_null(file);
    while (http_case_next(file, &expected)) {
        count++;
        check_whole(&expected);
        check_bytewise(&expected);
        for (size_t position = 0; position < expected.input_size; position++) {
            check_cut(&expected, position);
        }
    }
    fclose(file);
    assert_in_range(count, 120, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
