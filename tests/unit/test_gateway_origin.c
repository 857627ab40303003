/* Where a request comes from: what a trusted peer may say of it, and what nobody may. */
#include "gateway/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct http_header headers[HTTP_HEADERS_DEFAULT];
static struct http_head head;
static struct origin origin;

/* The origin of a request with these header lines, from the peer 127.0.0.1; this one and 10.0.0.0/8 are
 * trusted. */
static void find(const char *lines, bool is_trusted)
{
    static char text[8192];
    static struct network trusted_networks[2];
    const struct network_list trusted = {trusted_networks, 2};
    const struct http_limits limits = {.head_bytes = sizeof(text), .target_bytes = 100};
    struct http_head_parser parser;
    network_parse("127.0.0.1", 9, &trusted_networks[0]);
    network_parse("10.0.0.0/8", 10, &trusted_networks[1]);
    int size = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: inner:8080\r\n%s\r\n", lines);
    http_head_parser_init_request(&parser, &head, headers, HTTP_HEADERS_DEFAULT, &limits);
    assert_int_equal(http_head_parse(&parser, text, (size_t)size), HTTP_PARSE_DONE);
    origin_find(&head, HTTP_TEXT("127.0.0.1"), is_trusted ? &trusted : NULL, &origin);
}

static void check_text(struct http_text text, const char *expected)
{
    if (text.length != strlen(expected) || memcmp(text.data, expected, text.length) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)text.length, text.data, expected);
}

static void check_client(const char *lines, const char *expected)
{
    find(lines, true);
    check_text(http_text_make(origin.client, origin.client_length), expected);
}

static void test_without_headers_it_is_the_peer(void **state)
{
    (void)state;
    for (int is_trusted = 0; is_trusted < 2; is_trusted++) {
        find("", is_trusted);
        check_text(http_text_make(origin.client, origin.client_length), "127.0.0.1");
        check_text(origin.scheme, "http");
        check_text(origin.host, "inner:8080");
        check_text(origin.prefix, "");
    }
}

static void test_only_who_is_trusted_is_believed(void **state)
{
    (void)state;
    const char *lines =
        "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outer\r\n"
        "X-Forwarded-Prefix: /a/\r\nX-Real-IP: 192.0.2.2\r\nForwarded: for=192.0.2.3\r\n";
    find(lines, false);
    check_text(http_text_make(origin.client, origin.client_length), "127.0.0.1");
    check_text(origin.scheme, "http");
    check_text(origin.host, "inner:8080");
    check_text(origin.prefix, "");
    find(lines, true);
    check_text(http_text_make(origin.client, origin.client_length), "192.0.2.1");
    check_text(origin.scheme, "https");
    check_text(origin.host, "outer");
    check_text(origin.prefix, "/a");
}

static void test_the_client_stands_before_the_trusted(void **state)
{
    (void)state;
    check_client("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n", "192.0.2.1");
    check_client("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n",
                 "192.0.2.1");
    check_client("X-Forwarded-For: 10.0.0.9, 10.0.0.1\r\n", "10.0.0.9");
    check_client("X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: \r\nX-Forwarded-For: 192.0.2.1\r\n",
                 "192.0.2.1");
}

static void test_what_is_no_address_ends_the_way(void **state)
{
    (void)state;
    check_client("X-Forwarded-For: 6.6.6.6, unknown\r\n", "127.0.0.1");
    check_client("X-Forwarded-For: 6.6.6.6, _hidden, 10.0.0.1\r\n", "10.0.0.1");
    check_client("X-Forwarded-For: 6.6.6.6,,10.0.0.1\r\n", "10.0.0.1");
    check_client("X-Forwarded-For: ,\r\n", "127.0.0.1");
    check_client("X-Forwarded-For: 6.6.6.6, [::1\r\n", "127.0.0.1");
    check_client("X-Forwarded-For: ]\r\n", "127.0.0.1");
}

static void test_how_addresses_are_written(void **state)
{
    (void)state;
    check_client("X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1");
    check_client("X-Forwarded-For: 2001:DB8:0::1\r\n", "2001:db8::1");
    check_client("X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1");
    check_client("X-Forwarded-For: [2001:db8::1]:4711\r\n", "2001:db8::1");
    check_client("X-Forwarded-For: 192.0.2.1, ::ffff:10.0.0.1\r\n", "192.0.2.1");
}

static void test_the_way_back_is_bounded(void **state)
{
    (void)state;
    char lines[2048] = "X-Forwarded-For: 192.0.2.1";
    for (int i = 0; i < 32; i++)
        strncat(lines, ", 10.0.0.7", sizeof(lines) - strlen(lines) - 1);
    strncat(lines, "\r\n", sizeof(lines) - strlen(lines) - 1);
    check_client(lines, "10.0.0.7");
}

static void check_scheme(const char *lines, const char *expected)
{
    find(lines, true);
    check_text(origin.scheme, expected);
}

static void test_schemes(void **state)
{
    (void)state;
    check_scheme("X-Forwarded-Proto: HTTPS\r\n", "https");
    check_scheme("X-Forwarded-Proto: wss\r\n", "https");
    check_scheme("X-Forwarded-Proto: https, http\r\n", "https");
    check_scheme("X-Forwarded-Proto: http, https\r\n", "http");
    check_scheme("X-Forwarded-Proto: javascript\r\n", "http");
    check_scheme("X-Forwarded-Proto: ws\r\n", "http");
}

static void check_host(const char *lines, const char *expected)
{
    find(lines, true);
    check_text(origin.host, expected);
}

static void test_hosts(void **state)
{
    (void)state;
    char lines[1024];
    check_host("X-Forwarded-Host: a.example:444\r\n", "a.example:444");
    check_host("X-Forwarded-Host: a.example, b.example\r\n", "a.example");
    check_host("X-Forwarded-Host: [2001:db8::1]:444\r\n", "[2001:db8::1]:444");
    static const char *const refused[] = {"", ",", "a b", "user@a", "a/b", "a:b:c", "a:99999x"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        snprintf(lines, sizeof(lines), "X-Forwarded-Host: %s\r\n", refused[i]);
        check_host(lines, "inner:8080");
    }
    snprintf(lines, sizeof(lines), "X-Forwarded-Host: %0256d\r\n", 0);
    check_host(lines, "inner:8080");
}

static void check_prefix(const char *lines, const char *expected)
{
    find(lines, true);
    check_text(origin.prefix, expected);
}

static void test_prefixes(void **state)
{
    (void)state;
    check_prefix("X-Forwarded-Prefix: /a/b//\r\n", "/a/b");
    static const char *const refused[] = {"",     "/",    "//",    "a",        "//evil.example",
                                          "/a b", "/a?b", "/a\\b", "/\xc3\xa4"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        char lines[256];
        snprintf(lines, sizeof(lines), "X-Forwarded-Prefix: %s\r\n", refused[i]);
        check_prefix(lines, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_headers_it_is_the_peer),
        cmocka_unit_test(test_only_who_is_trusted_is_believed),
        cmocka_unit_test(test_the_client_stands_before_the_trusted),
        cmocka_unit_test(test_what_is_no_address_ends_the_way),
        cmocka_unit_test(test_how_addresses_are_written),
        cmocka_unit_test(test_the_way_back_is_bounded),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
