/* Where the mirrors and proxies of builds are, by the environment. */
#include "prepare/process/host_mirrors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_place(const struct host_mirrors *mirrors, size_t i, const char *host, unsigned port)
{
    assert_true(i < mirrors->count);
    assert_string_equal(mirrors->items[i].host, host);
    assert_int_equal(mirrors->items[i].port, port);
}

static void urls_are_found_in_whatever_list(void **state)
{
    (void)state;
    struct host_mirrors mirrors = {0};
    host_mirrors_add(&mirrors, "https://reader:pass@mirror.example/simple http://192.0.2.7:3141/root", false);
    host_mirrors_add(&mirrors, "own=http://[2001:db8::7]:8080/simple", false);
    host_mirrors_add(&mirrors, "https://proxy.example,direct|http://192.0.2.7:3141", false);
    assert_int_equal(mirrors.count, 4);
    assert_place(&mirrors, 0, "mirror.example", 443);
    assert_place(&mirrors, 1, "192.0.2.7", 3141);
    assert_place(&mirrors, 2, "2001:db8::7", 8080);
    assert_place(&mirrors, 3, "proxy.example", 443);
    host_mirrors_clear(&mirrors);
}

static void what_is_no_url_is_left_out(void **state)
{
    (void)state;
    struct host_mirrors mirrors = {0};
    host_mirrors_add(&mirrors, "", false);
    host_mirrors_add(&mirrors, "mirror.example 30 direct off", false);
    host_mirrors_add(&mirrors, "http:// ://x =http://", false);
    assert_int_equal(mirrors.count, 0);
    host_mirrors_add(&mirrors, "proxy.example:3128", true);
    host_mirrors_add(&mirrors, "socks5://192.0.2.8", true);
    assert_int_equal(mirrors.count, 2);
    assert_place(&mirrors, 0, "proxy.example", 3128);
    assert_place(&mirrors, 1, "192.0.2.8", 1080);
    host_mirrors_clear(&mirrors);
}

static void the_environment_is_read_for_installers_alone(void **state)
{
    (void)state;
    struct host_mirrors mirrors;
    clearenv();
    setenv("PIP_INDEX_URL", "http://192.0.2.7:1/simple", 1);
    setenv("UV_EXTRA_INDEX_URL", "http://192.0.2.7:1/simple http://192.0.2.7:2/", 1);
    setenv("HTTPS_PROXY", "192.0.2.9:3128", 1);
    setenv("NO_PROXY", "192.0.2.10", 1);
    setenv("PIP_TRUSTED_HOST", "192.0.2.11", 1);
    setenv("DATABASE_URL", "postgres://192.0.2.12:5432/", 1);
    host_mirrors_read(&mirrors);
    assert_int_equal(mirrors.count, 3);
    assert_place(&mirrors, 0, "192.0.2.9", 3128);
    assert_place(&mirrors, 1, "192.0.2.7", 1);
    assert_place(&mirrors, 2, "192.0.2.7", 2);
    host_mirrors_clear(&mirrors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_found_in_whatever_list),
        cmocka_unit_test(what_is_no_url_is_left_out),
        cmocka_unit_test(the_environment_is_read_for_installers_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
