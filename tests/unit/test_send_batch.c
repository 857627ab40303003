#include "gateway/send_batch.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define PAIRS 3

static struct send_batch batch;
static int ours[PAIRS], theirs[PAIRS];

#define UNTOLD INT_MIN

/* By the messages' numbers. They are told in any order: Linux 6.1 tells of those that would wait first. */
static int results[SEND_BATCH_MAX];
static int told;

static void on_sent(void *context, int result)
{
    int *place = &results[(intptr_t)context];
    assert_int_equal(*place, UNTOLD);
    *place = result;
    told++;
}

static void forget_results(void)
{
    told = 0;
    for (int i = 0; i < SEND_BATCH_MAX; i++)
        results[i] = UNTOLD;
}

static bool add(int fd, const char *bytes, size_t size, intptr_t number)
{
    return send_batch_add(&batch, fd, http_text_make(bytes, size), (void *)number);
}

static int begin(void **state)
{
    (void)state;
    forget_results();
    for (int i = 0; i < PAIRS; i++) {
        int pair[2];
        assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), errno);
        ours[i] = pair[0];
        theirs[i] = pair[1];
    }
    int code = send_batch_init(&batch);
    assert_int_equal(batch.is_open, code == 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    send_batch_clear(&batch);
    for (int i = 0; i < PAIRS; i++) {
        close(ours[i]);
        close(theirs[i]);
    }
    return 0;
}

/* Kernels may be without io_uring; then there is nothing to be tested but that. */
static void need_io_uring(void)
{
    if (batch.is_open)
        return;
    assert_false(add(ours[0], "x", 1, 0));
    send_batch_submit(&batch, on_sent);
    assert_int_equal(told, 0);
    skip();
}

static void expect_received(int fd, const char *text)
{
    char received[64];
    ssize_t size = recv(fd, received, sizeof(received), 0);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(received, text, strlen(text));
}

static void test_each_message_goes_to_its_connection(void **state)
{
    (void)state;
    need_io_uring();
    static const char *const texts[PAIRS] = {"first", "second one", "third"};
    for (int turn = 0; turn < 500; turn++) {
        forget_results();
        for (int i = 0; i < PAIRS; i++)
            assert_true(add(ours[i], texts[i], strlen(texts[i]), i));
        send_batch_submit(&batch, on_sent);
        assert_int_equal(told, PAIRS);
        for (int i = 0; i < PAIRS; i++) {
            assert_int_equal(results[i], strlen(texts[i]));
            expect_received(theirs[i], texts[i]);
        }
    }
}

static void test_one_connection_gets_its_messages_in_order(void **state)
{
    (void)state;
    need_io_uring();
    char sent[SEND_BATCH_MAX], received[SEND_BATCH_MAX + 1];
    for (int i = 0; i < SEND_BATCH_MAX; i++) {
        sent[i] = (char)(i * 31);
        assert_true(add(ours[0], &sent[i], 1, i));
    }
    assert_false(add(ours[0], "x", 1, 0));
    send_batch_submit(&batch, on_sent);
    assert_int_equal(told, SEND_BATCH_MAX);
    assert_int_equal(recv(theirs[0], received, sizeof(received), 0), SEND_BATCH_MAX);
    assert_memory_equal(received, sent, SEND_BATCH_MAX);
}

static void test_trouble_of_one_connection_is_not_that_of_others(void **state)
{
    (void)state;
    need_io_uring();
    size_t size = 64 << 20; /* more than a socket takes */
    char *large = calloc(1, size);
    assert_non_null(large);
    close(theirs[1]);
    assert_true(add(ours[0], large, size, 0));
    assert_true(add(ours[0], "full", 4, 1));
    assert_true(add(ours[1], "gone", 4, 2));
    assert_true(add(ours[2], "fine", 4, 3));
    send_batch_submit(&batch, on_sent);
    assert_int_equal(told, 4);
    assert_in_range(results[0], 1, size - 1);
    assert_int_equal(results[1], -EAGAIN);
    assert_int_equal(results[2], -EPIPE);
    assert_int_equal(results[3], 4);
    expect_received(theirs[2], "fine");
    free(large);
    theirs[1] = -1;
}

static void test_a_ring_that_fails_is_given_up(void **state)
{
    (void)state;
    need_io_uring();
    assert_true(add(ours[0], "lost", 4, 0));
    close(batch.ring.ring_fd);
    send_batch_submit(&batch, on_sent);
    assert_int_equal(told, 0);
    assert_false(add(ours[0], "x", 1, 0));
    char byte;
    assert_int_equal(recv(theirs[0], &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_message_goes_to_its_connection, begin, end),
        cmocka_unit_test_setup_teardown(test_one_connection_gets_its_messages_in_order, begin, end),
        cmocka_unit_test_setup_teardown(test_trouble_of_one_connection_is_not_that_of_others, begin, end),
        cmocka_unit_test_setup_teardown(test_a_ring_that_fails_is_given_up, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
