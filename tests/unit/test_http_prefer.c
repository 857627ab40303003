/* Which preferences a request has, and what is left of them. */
#include "http/prefer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Reads a head with these lines. */
static const struct http_head *head_with(const char *lines)
{
    static char bytes[1024];
    static struct http_header headers[16];
    static const struct http_limits limits = {.head_bytes = sizeof(bytes), .target_bytes = 100};
    static struct http_head head;
    struct http_head_parser parser;
    int size = snprintf(bytes, sizeof(bytes), "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", lines);
    http_head_parser_init_request(&parser, &head, headers, 16, &limits);
    assert_int_equal(http_head_parse(&parser, bytes, (size_t)size), HTTP_PARSE_DONE);
    return &head;
}

static void check(const char *lines, bool has, const char *others)
{
    const struct http_head *head = head_with(lines);
    char text[1024];
    struct http_writer writer = http_writer_make(text, sizeof(text));
    assert_int_equal(http_prefer_has(head, HTTP_TEXT("respond-async")), has);
    http_prefer_write_others(&writer, head, HTTP_TEXT("respond-async"));
    assert_false(writer.full);
    assert_int_equal(http_writer_size(&writer), strlen(others));
    assert_memory_equal(text, others, strlen(others));
}

static void preferences_are_found(void **state)
{
    (void)state;
    check("Prefer: respond-async\r\n", true, "");
    check("prefer:RESPOND-ASYNC\r\n", true, "");
    check("Prefer: respond-async; x=1\r\n", true, "");
    check("Prefer: respond-async=\"\"\r\n", true, "");
    check("Prefer: wait=10, respond-async, return=minimal\r\n", true, "Prefer: wait=10, return=minimal\r\n");
    check("Prefer: ,, respond-async ,\r\n", true, "");
    check("Prefer: wait=10\r\nX: y\r\nPrefer: respond-async\r\n", true, "Prefer: wait=10\r\n");
    check("Prefer: respond-async\r\nPrefer: wait=10\r\n", true, "Prefer: wait=10\r\n");
    check("Prefer: a, respond-async, b\r\nPrefer: c\r\n", true, "Prefer: a, b\r\nPrefer: c\r\n");
}

static void others_are_not(void **state)
{
    (void)state;
    check("", false, "");
    check("Prefer:\r\n", false, "");
    check("Preference: respond-async\r\n", false, "");
    check("Prefer: respond-asynchronously\r\n", false, "Prefer: respond-asynchronously\r\n");
    check("Prefer: respond\r\n", false, "Prefer: respond\r\n");
    check("Prefer: wait=respond-async\r\n", false, "Prefer: wait=respond-async\r\n");
}

static void quoted_commas_end_nothing(void **state)
{
    (void)state;
    check("Prefer: x=\"a, respond-async\"\r\n", false, "Prefer: x=\"a, respond-async\"\r\n");
    check("Prefer: x=\"\\\", respond-async, \"; y, respond-async\r\n", true,
          "Prefer: x=\"\\\", respond-async, \"; y\r\n");
    check("Prefer: x=\"\r\nPrefer: y\", respond-async\r\n", false,
          "Prefer: x=\"\r\nPrefer: y\", respond-async\r\n");
    check("Prefer: x=\"a, respond-async\\\r\n", false, "Prefer: x=\"a, respond-async\\\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preferences_are_found),
        cmocka_unit_test(others_are_not),
        cmocka_unit_test(quoted_commas_end_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
