/* Passwords in text: what stands before the "@" of a URL becomes stars, nothing else changes. */
#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void redacts(const char *text, const char *expected)
{
    char copy[256];
    snprintf(copy, sizeof(copy), "%s", text);
    redact_urls(copy);
    assert_string_equal(copy, expected);
}

static void test_urls(void **state)
{
    (void)state;
    redacts("", "");
    redacts("nothing", "nothing");
    redacts("user@example.org", "user@example.org");
    redacts("https://user:secret@example.org/simple", "https://***@example.org/simple");
    redacts("https://token@example.org", "https://***@example.org");
    redacts("a://b:c@d e://f:p@ss@g", "a://***@d e://***@g");
    redacts("x://a@", "x://*@");
    redacts("x://@h", "x://@h");
    redacts("https://h/a@b", "https://h/a@b");
    redacts("https://h?a@b https://h#a@b 'https://h' a@b", "https://h?a@b https://h#a@b 'https://h' a@b");
    redacts("git+ssh://git:secret@h/x.git@main", "git+ssh://***@h/x.git@main");
    redacts("https://user:it's@h 'https://a:\"`|<>\\@h'", "https://***@h 'https://***@h'");
    redacts("://", "://");
    redacts(":////u:p@h://u:p@h", ":////u:p@h://***@h");
}

/* They are no URLs, but somebody will write them, and an installer will quote them when it complains. */
static void test_passwords_that_should_have_been_encoded(void **state)
{
    (void)state;
    redacts("https://user:pa/ss@h/simple", "https://***@h/simple");
    redacts("https://user:p?a@s#s@h/ a@b", "https://***@h/ a@b");
    redacts("https://user@mail:pa/ss@h/a@b", "https://***@b");
    redacts("https://user:/ss@h:80/", "https://***@h:80/");
    redacts("https://h:8080/x@1", "https://h:8080/x@1");
    redacts("https://[::1]/x@1 https://[::1]:80/x@1", "https://[::1]/x@1 https://[::1]:80/x@1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_passwords_that_should_have_been_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
