/* What waits for the end of a turn: the order in which it leaves, and what its owners are told. */
#include "gateway/outbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ITEMS       3
#define MESSAGE_MAX 100

static struct outbox outbox;
static struct outbox_item items[ITEMS];
static int ours[ITEMS], theirs[ITEMS];
static int ended[ITEMS]; /* the items' numbers, in the order of their ends */
static size_t sent[ITEMS];
static int end_count;
static struct outbox_item *removed_with_first; /* by whoever ends first */

static void on_sent(struct outbox_item *item, size_t size)
{
    sent[item - items] += size;
}

/* Writes what is left, as whoever keeps a message has to. */
static void on_turn_end(struct outbox_item *item)
{
    ended[end_count++] = (int)(item - items);
    if (item->message.length > 0)
        assert_int_equal(send(item->fd, item->message.data, item->message.length, 0), item->message.length);
    if (removed_with_first)
        outbox_remove(removed_with_first);
    removed_with_first = NULL;
}

static const struct outbox_handler handler = {.on_sent = on_sent, .on_turn_end = on_turn_end};

static int begin(void **state)
{
    (void)state;
    outbox_init(&outbox, MESSAGE_MAX);
    end_count = 0;
    for (int i = 0; i < ITEMS; i++) {
        int pair[2];
        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), errno);
        ours[i] = pair[0];
        theirs[i] = pair[1];
        items[i] = (struct outbox_item){0};
        sent[i] = 0;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    outbox_clear(&outbox);
    for (int i = 0; i < ITEMS; i++) {
        close(ours[i]);
        close(theirs[i]);
    }
    return 0;
}

static void keep(int number, const char *text)
{
    struct http_writer writer = outbox_writer(&outbox);
    http_write_raw(&writer, text, strlen(text));
    items[number].message = outbox_written(&outbox, &writer);
    assert_true(outbox_keep(&outbox, items[number].message));
}

static void check_came(int number, const char *expected)
{
    char text[MESSAGE_MAX];
    ssize_t size = recv(theirs[number], text, sizeof(text), 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, strlen(expected));
}

static void test_requests_leave_before_responses(void **state)
{
    (void)state;
    keep(0, "response");
    outbox_add_response(&outbox, &items[0], ours[0], &handler);
    keep(1, "request");
    outbox_add_request(&outbox, &items[1], ours[1], &handler);
    keep(2, "another");
    outbox_add_request(&outbox, &items[2], ours[2], &handler);
    outbox_flush(&outbox);
    assert_int_equal(end_count, 3);
    assert_memory_equal(ended, ((int[]){1, 2, 0}), sizeof(ended));
    check_came(0, "response");
    check_came(1, "request");
    check_came(2, "another");
}

/* A batch tells of what it sent; without one, or of a single message, nothing is told. */
static void test_owners_are_told_of_what_was_sent(void **state)
{
    (void)state;
    keep(0, "one");
    outbox_add_request(&outbox, &items[0], ours[0], &handler);
    keep(1, "three");
    outbox_add_request(&outbox, &items[1], ours[1], &handler);
    outbox_flush(&outbox);
    assert_int_equal(sent[0] + items[0].message.length, strlen("one"));
    assert_int_equal(sent[1] + items[1].message.length, strlen("three"));
    check_came(0, "one");
    check_came(1, "three");
}

static void test_a_removed_item_does_not_leave(void **state)
{
    (void)state;
    keep(0, "gone");
    outbox_add_request(&outbox, &items[0], ours[0], &handler);
    outbox_remove(&items[0]);
    outbox_remove(&items[0]);
    outbox_flush(&outbox);
    assert_int_equal(end_count, 0);
    assert_int_equal(recv(theirs[0], (char[1]){0}, 1, 0), -1);
}

static void test_the_end_of_one_may_be_that_of_another(void **state)
{
    (void)state;
    for (int i = 0; i < ITEMS; i++) {
        keep(i, "text");
        outbox_add_response(&outbox, &items[i], ours[i], &handler);
    }
    removed_with_first = &items[1];
    outbox_flush(&outbox);
    assert_int_equal(end_count, 2);
    assert_int_equal(ended[1], 2);
    assert_null(items[1].list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_leave_before_responses, begin, end),
        cmocka_unit_test_setup_teardown(test_owners_are_told_of_what_was_sent, begin, end),
        cmocka_unit_test_setup_teardown(test_a_removed_item_does_not_leave, begin, end),
        cmocka_unit_test_setup_teardown(test_the_end_of_one_may_be_that_of_another, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
