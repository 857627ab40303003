/* Repairing text: what is well-formed stays as it is, every other byte becomes a question mark. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void repairs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *repaired;
    } cases[] = {
        {"", ""},
        {"plain\ttext\n", "plain\ttext\n"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf", "\xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf"},
        {"caf\xe9", "caf?"},
        {"caf\xe9!", "caf?!"},
        {"cut \xe2\x82", "cut ??"},
        {"cut \xf0\x9f\x98", "cut ???"},
        {"\x80\xbf", "??"},
        {"\xc0\xaf overlong \xe0\x80\xaf \xf0\x80\x80\xaf", "?? overlong ??? ????"},
        {"\xed\xa0\x80 surrogate", "??? surrogate"},
        {"\xf4\x90\x80\x80\xff", "?????"},
        {"\xe2\xe2\x82\xac", "?\xe2\x82\xac"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", cases[i].text);
        utf8_repair(text);
        assert_string_equal(text, cases[i].repaired);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(repairs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
