/* What led to a call: by its trace, else by the deepest request under way. */
#include "routing/call_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TRACE_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TRACE_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TRACE_C "cccccccccccccccccccccccccccccccc"

static struct call_entry entry_of(unsigned depth, const char *trace, const char *names)
{
    struct call_entry entry = {.chain.depth = depth};
    snprintf(entry.chain.trace, sizeof(entry.chain.trace), "%s", trace);
    snprintf(entry.chain.names, sizeof(entry.chain.names), "%s", names);
    return entry;
}

static void check(struct call_book *book, const char *trace, unsigned depth, const char *ret_trace,
                  const char *names)
{
    struct call_chain chain;
    call_book_follow(book, trace, "me", &chain);
    assert_int_equal(chain.depth, depth);
    assert_string_equal(chain.trace, ret_trace);
    assert_string_equal(chain.names, names);
}

static void call_is_one_step_further_than_what_it_belongs_to(void **state)
{
    (void)state;
    struct call_book *book = call_book_create();
    struct call_entry shallow = entry_of(1, TRACE_A, "x"), deep = entry_of(4, TRACE_B, "x > y");
    check(book, NULL, 1, "", "me");
    check(book, TRACE_A, 1, "", "me");
    call_book_enter(book, &shallow);
    check(book, NULL, 2, TRACE_A, "x > me");
    check(book, TRACE_C, 2, TRACE_A, "x > me");
    call_book_enter(book, &deep);
    check(book, NULL, 5, "", "x > y > me");
    check(book, TRACE_A, 2, "", "x > me");
    check(book, TRACE_C, 5, "", "x > y > me");
    call_book_leave(&deep);
    call_book_leave(&deep);
    check(book, NULL, 2, TRACE_A, "x > me");
    call_book_unref(book); /* the entry holds it */
    call_book_leave(&shallow);
}

static void entry_goes_from_one_book_to_another(void **state)
{
    (void)state;
    struct call_book *first = call_book_create(), *second = call_book_create();
    struct call_entry entry = entry_of(7, TRACE_A, "x");
    call_book_enter(first, &entry);
    call_book_enter(second, &entry);
    check(first, NULL, 1, "", "me");
    check(second, NULL, 8, TRACE_A, "x > me");
    call_book_enter(NULL, &entry);
    check(second, NULL, 1, "", "me");
    call_book_unref(first);
    call_book_unref(second);
    call_book_unref(NULL);
}

static void last_names_are_kept_whole(void **state)
{
    (void)state;
    struct call_book *book = call_book_create();
    struct call_chain chain;
    struct call_entry entry = entry_of(1, TRACE_A, "");
    char name[64];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "function-number-%u", i);
        call_book_enter(book, &entry);
        call_book_follow(book, NULL, name, &chain);
        call_book_leave(&entry);
        entry.chain = chain;
    }
    assert_int_equal(strncmp(chain.names, "function-number-", strlen("function-number-")), 0);
    assert_in_range(strlen(chain.names), CALL_NAMES_MAX - 25, CALL_NAMES_MAX);
    assert_true(call_chain_has(&chain, "function-number-199", strlen("function-number-199")));
    assert_true(call_chain_has(&chain, "function-number-195", strlen("function-number-195")));
    assert_false(call_chain_has(&chain, "function-number-19", strlen("function-number-19")));
    assert_false(call_chain_has(&chain, "function-number-1", strlen("function-number-1")));
    memset(name, 'n', sizeof(name));
    name[63] = '\0';
    call_book_enter(book, &entry);
    call_book_follow(book, NULL, name, &chain);
    assert_true(call_chain_has(&chain, name, 63));
    call_book_leave(&entry);
    call_book_unref(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(call_is_one_step_further_than_what_it_belongs_to),
        cmocka_unit_test(entry_goes_from_one_book_to_another),
        cmocka_unit_test(last_names_are_kept_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
