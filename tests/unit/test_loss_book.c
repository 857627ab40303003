/* Causes of losses are kept for a while, and found by the instance. */
#include "fleet/instance/loss_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void add(struct loss_book *book, uint64_t instance)
{
    struct error cause;
    error_set(&cause, ERROR_CONTAINER_EXITED, "instance %llu", (unsigned long long)instance);
    loss_book_add(book, instance, LOSS_FOR_GOOD, &cause);
}

static void causes_are_found_by_instance(void **state)
{
    (void)state;
    struct loss_book *book = loss_book_create();
    struct error cause;
    assert_false(loss_book_find(book, 0, 5, &cause));
    add(book, 7);
    add(book, 8);
    assert_true(loss_book_find(book, 7, 5, &cause));
    assert_string_equal(cause.message, "instance 7");
    assert_false(loss_book_find(book, 9, 5, &cause));
    loss_book_destroy(book);
}

/* What one loss of an instance that goes on had for a cause says nothing of those that come later. */
static void a_cause_explains_no_later_loss(void **state)
{
    (void)state;
    struct loss_book *book = loss_book_create();
    struct error cause;
    error_set(&cause, ERROR_RUNNER_GONE, "closed");
    loss_book_add(book, 7, 100, &cause);
    assert_true(loss_book_find(book, 7, 100, &cause));
    assert_false(loss_book_find(book, 7, 101, &cause));
    error_set(&cause, ERROR_CONTAINER_KILLED, "killed");
    loss_book_add(book, 7, LOSS_FOR_GOOD, &cause);
    assert_true(loss_book_find(book, 7, 101, &cause));
    assert_string_equal(error_code_slug(cause.code), "container-killed");
    assert_true(loss_book_find(book, 7, 100, &cause));
    assert_string_equal(error_code_slug(cause.code), "runner-gone");
    loss_book_destroy(book);
}

/* Why it has ended may be known better later on. */
static void the_last_cause_of_an_end_counts(void **state)
{
    (void)state;
    struct loss_book *book = loss_book_create();
    struct error cause;
    add(book, 7);
    error_set(&cause, ERROR_INSTANCE_REMOVED, "removed");
    loss_book_add(book, 7, LOSS_FOR_GOOD, &cause);
    assert_true(loss_book_find(book, 7, 5, &cause));
    assert_string_equal(error_code_slug(cause.code), "instance-removed");
    loss_book_destroy(book);
}

static void the_oldest_are_forgotten(void **state)
{
    (void)state;
    struct loss_book *book = loss_book_create();
    struct error cause;
    for (uint64_t instance = 1; instance <= 1000; instance++)
        add(book, instance);
    assert_false(loss_book_find(book, 1, 5, &cause));
    assert_true(loss_book_find(book, 1000, 5, &cause));
    assert_true(loss_book_find(book, 990, 5, &cause));
    loss_book_destroy(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_are_found_by_instance),
        cmocka_unit_test(a_cause_explains_no_later_loss),
        cmocka_unit_test(the_last_cause_of_an_end_counts),
        cmocka_unit_test(the_oldest_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
