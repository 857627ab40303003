/* Which output of a script begins with headers: every rule of cgi_output.h, also cut at every position. */
#include "cgi_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum cgi_verdict verdict; /* when it is all */
    int status;
    size_t size;
    size_t headers;
    int64_t length;
} cases[] = {
    {"", CGI_BODY, 200, 0, 0, -1},
    {"hello", CGI_BODY, 200, 0, 0, -1},
    {"Status", CGI_BODY, 200, 0, 0, -1},
    {"Status: 404\n", CGI_BODY, 200, 0, 0, -1},
    {"Status: 404\n\n", CGI_HEAD, 404, 13, 0, -1},
    {"status:404 \r\n\r\nx", CGI_HEAD, 404, 15, 0, -1},
    {"STATUS:\t404 Not Found\n\n", CGI_HEAD, 404, 23, 0, -1},
    {"Status: 40\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Status: 4044\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Status: 101\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Status: 600\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Status: fine\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Location: /x\n\n", CGI_HEAD, 302, 14, 1, -1},
    {"Location: /x\nStatus: 301\n\n", CGI_HEAD, 301, 26, 1, -1},
    {"Status: 301\nLocation: /x\n\n", CGI_HEAD, 301, 26, 1, -1},
    {"Content-Type: a/b\nContent-Length: 12\nX: y\n\n", CGI_HEAD, 200, 43, 2, 12},
    {"Content-Type: a/b\nContent-Length: many\n\n", CGI_HEAD, 200, 40, 1, -1},
    {"Content-Type: a/b\nX:\n\n", CGI_HEAD, 200, 22, 2, -1},
    {"Content-Type:\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Content-Type : a/b\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Content-Type: a/b\n folded\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Content-Type: a/b\nsome text: here\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Content-Type: a\001b\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Content-Type: a\rb\n\n", CGI_BODY, 200, 0, 0, -1},
    {"X-A: b\nContent-Type: a/b\n\n", CGI_HEAD, 200, 26, 2, -1},
    {"Access-Control-Allow-Origin: *\nX-First: 1\nContent-Type: a/b\n\n{}", CGI_HEAD, 200, 61, 3, -1},
    {"Link: </a>\nCache-Control: no-store\n\nx", CGI_HEAD, 200, 36, 2, -1},
    {"set-cookie: a=1\n\n", CGI_HEAD, 200, 17, 1, -1},
    {"X-A: b\n\nText", CGI_HEAD, 200, 8, 1, -1},
    {"X-A:\n\nText", CGI_BODY, 200, 0, 0, -1},
    {"X-A: b\nText: and\nno header\n\n", CGI_BODY, 200, 0, 0, -1},
    {"X-A: b\nStatus: 999\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Total: 5\nUsed: 3\n\nFree: 2\n", CGI_BODY, 200, 0, 0, -1},
    {"Error: no such file\n", CGI_BODY, 200, 0, 0, -1},
    {"http://example.org/\n\n", CGI_BODY, 200, 0, 0, -1},
    {"12:30:00 started\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Contented: yes\n\n", CGI_BODY, 200, 0, 0, -1},
    {"\nContent-Type: a/b\n\n", CGI_BODY, 200, 0, 0, -1},
    {"Note: text\n\n", CGI_BODY, 200, 0, 0, -1},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cgi_head head;
        print_message("  %.30s\n", cases[i].text);
        assert_int_equal(cgi_output_parse(cases[i].text, strlen(cases[i].text), true, &head),
                         cases[i].verdict);
        assert_int_equal(head.status, cases[i].status);
        assert_int_equal(head.size, cases[i].size);
        assert_int_equal(head.count, cases[i].headers);
        assert_int_equal(head.content_length, cases[i].length);
    }
}

/* What is decided early is decided as it would be later. */
static void test_cut_at_every_position(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t size = 0; size < strlen(cases[i].text); size++) {
            struct cgi_head head;
            char *part = malloc(size + 1);
            memcpy(part, cases[i].text, size);
            enum cgi_verdict verdict = cgi_output_parse(part, size, false, &head);
            free(part);
            assert_true(verdict == CGI_UNDECIDED || verdict == CGI_HEAD_BEGUN || verdict == cases[i].verdict);
        }
    }
}

/* What a pause of the script finds: text is not waited for, headers are. */
static void test_what_has_begun(void **state)
{
    static const struct {
        const char *text;
        enum cgi_verdict verdict;
    } begun[] = {
        {"Sta", CGI_HEAD_BEGUN},
        {"Status: 40", CGI_HEAD_BEGUN},
        {"Content-Type: a/b\n", CGI_HEAD_BEGUN},
        {"X-Some", CGI_HEAD_BEGUN},
        {"X-A: b\nLink: ", CGI_HEAD_BEGUN},
        {"Progress: 1\n", CGI_UNDECIDED},
        {"Progress", CGI_UNDECIDED},
        {"Statistics", CGI_UNDECIDED},
        {"two words", CGI_BODY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(begun) / sizeof(begun[0]); i++) {
        struct cgi_head head;
        print_message("  %s\n", begun[i].text);
        assert_int_equal(cgi_output_parse(begun[i].text, strlen(begun[i].text), false, &head),
                         begun[i].verdict);
    }
}

/* Only what might surprise its author is told. */
static void test_doubtful(void **state)
{
    static const struct {
        const char *text;
        bool is_doubtful;
        size_t lines;
    } texts[] = {
        {"Content-Type: a/b\nno header\n\n", true, 2},
        {"Status: 999\n\n", true, 1},
        {"Content-Type: a/b\n", true, 1},
        {"hello\n", false, 1},
        {"Note: text\n\n", false, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cgi_head head;
        print_message("  %s\n", texts[i].text);
        assert_int_equal(cgi_output_parse(texts[i].text, strlen(texts[i].text), true, &head), CGI_BODY);
        assert_int_equal(head.is_doubtful, texts[i].is_doubtful);
        assert_int_equal(head.lines, texts[i].lines);
    }
}

static void test_too_many_headers(void **state)
{
    (void)state;
    char text[4096] = "Status: 200\n";
    struct cgi_head head;
    for (int i = 0; i < CGI_HEADERS_MAX; i++)
        strncat(text, "A: b\n", sizeof(text) - strlen(text) - 1);
    size_t size = strlen(text);
    text[size] = '\n';
    assert_int_equal(cgi_output_parse(text, size + 1, true, &head), CGI_HEAD);
    assert_int_equal(head.count, CGI_HEADERS_MAX);
    memcpy(text + size, "A: b\n\n", 7);
    assert_int_equal(cgi_output_parse(text, size + 6, true, &head), CGI_BODY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_cut_at_every_position),
        cmocka_unit_test(test_what_has_begun),
        cmocka_unit_test(test_doubtful),
        cmocka_unit_test(test_too_many_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
