/* What every link does with connections, however they come: here the test makes them. */
#include "fleet/link/link.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define RUNNERS_MAX 8

/* A link of the test's own kind, and what it has told. */
struct trial {
    struct link link; /* first: the kind leads back by it */
    struct event_base *base;
    int runners[RUNNERS_MAX]; /* the other ends of the connections, -1: not made */
    unsigned runner_count;
    unsigned reached, loaded, handed, listened;
    struct error cause;
    bool closed;
};

static const char *dir_of(const struct link *link)
{
    (void)link;
    return "/some/dir";
}

static int start_listening(struct link *link, struct error *err)
{
    (void)err;
    ((struct trial *)link)->listened++;
    return 0;
}

static void close_trial(struct link *link)
{
    link_clear(link);
    ((struct trial *)link)->closed = true;
}

static const struct link_kind kind = {
    .variable = "NAME=value", .dir = dir_of, .listen = start_listening, .close = close_trial};

static void on_reached(void *owner)
{
    ((struct trial *)owner)->reached++;
}

static void on_loaded(void *owner, const struct error *err, const char *traceback)
{
    struct trial *trial = owner;
    (void)traceback;
    trial->loaded++;
    trial->cause = err ? *err : (struct error){0};
}

static void on_connection(void *owner, int fd)
{
    ((struct trial *)owner)->handed++;
    close(fd);
}

static const struct link_hooks hooks = {
    .reached = on_reached, .loaded = on_loaded, .connection = on_connection};

static int open_trial(void **state)
{
    struct trial *trial = xcalloc(1, sizeof(*trial));
    trial->base = event_base_new();
    link_init(&trial->link, &kind, trial->base, &hooks, trial);
    *state = trial;
    return 0;
}

static int end_trial(void **state)
{
    struct trial *trial = *state;
    if (!trial->closed)
        link_close(&trial->link);
    for (unsigned i = 0; i < trial->runner_count; i++) {
        if (trial->runners[i] >= 0)
            close(trial->runners[i]);
    }
    event_base_free(trial->base);
    free(trial);
    return 0;
}

/* A runner connects; its end is the newest of `runners`. */
static void connect_runner(struct trial *trial)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    trial->runners[trial->runner_count++] = pair[1];
    link_connected(&trial->link, pair[0]);
}

static bool is_hung_up(const struct trial *trial, unsigned runner)
{
    char byte;
    return recv(trial->runners[runner], &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void run(const struct trial *trial)
{
    for (unsigned turn = 0; turn < 4; turn++)
        event_base_loop(trial->base, EVLOOP_NONBLOCK);
}

static void answer(const struct trial *trial, const char *text)
{
    assert_int_equal(send(trial->runners[0], text, strlen(text), MSG_NOSIGNAL), strlen(text));
    run(trial);
}

static void the_kind_says_what_the_container_needs(void **state)
{
    struct trial *trial = *state;
    struct error err;
    assert_string_equal(link_dir(&trial->link), "/some/dir");
    assert_string_equal(link_variable(&trial->link), "NAME=value");
    assert_int_equal(link_listen(&trial->link, &err), 0);
    assert_int_equal(trial->listened, 1);
}

static void the_first_connection_is_told_of_and_kept(void **state)
{
    struct trial *trial = *state;
    connect_runner(trial);
    assert_int_equal(trial->reached, 1);
    assert_int_equal(link_count(&trial->link), 1);
    assert_false(is_hung_up(trial, 0));
}

/* While there is no function there is one connection; another takes its place when it is over. */
static void without_a_function_there_is_one(void **state)
{
    struct trial *trial = *state;
    connect_runner(trial);
    connect_runner(trial);
    assert_true(is_hung_up(trial, 1));
    close(steal_fd(&trial->runners[0]));
    connect_runner(trial);
    assert_false(is_hung_up(trial, 2));
    assert_int_equal(link_count(&trial->link), 1);
    assert_int_equal(trial->reached, 1);
}

static void a_function_is_loaded_over_the_first(void **state)
{
    struct trial *trial = *state;
    char request[512] = "";
    connect_runner(trial);
    link_load(&trial->link, "{\"a\":1}", 3);
    run(trial);
    assert_true(recv(trial->runners[0], request, sizeof(request) - 1, 0) > 0);
    assert_non_null(strstr(request, "POST /.berth/init"));
    assert_non_null(strstr(request, "{\"a\":1}"));
    assert_int_equal(trial->loaded, 0);
    answer(trial, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(trial->loaded, 1);
    assert_int_equal(trial->cause.code, ERROR_NONE);
}

static void one_that_hangs_up_while_it_loads_is_gone(void **state)
{
    struct trial *trial = *state;
    connect_runner(trial);
    link_load(&trial->link, "{}", 3);
    close(steal_fd(&trial->runners[0]));
    run(trial);
    assert_int_equal(trial->loaded, 1);
    assert_int_equal(trial->cause.code, ERROR_RUNNER_GONE);
}

/* As many as there are slots are kept while it loads, and taken in the order in which they came. */
static void connections_become_slots(void **state)
{
    struct trial *trial = *state;
    connect_runner(trial);
    link_load(&trial->link, "{}", 3);
    for (unsigned i = 0; i < 3; i++)
        connect_runner(trial);
    assert_int_equal(link_count(&trial->link), 3);
    assert_true(is_hung_up(trial, 3));
    answer(trial, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (unsigned i = 0; i < 3; i++) {
        cleanup_close int fd = link_take(&trial->link);
        const char name[] = {(char)('a' + i), '\0'};
        assert_int_equal(send(fd, name, 1, 0), 1);
    }
    assert_int_equal(link_take(&trial->link), -1);
    for (unsigned i = 1; i < 3; i++) {
        char byte = 0;
        assert_int_equal(recv(trial->runners[i], &byte, 1, 0), 1);
        assert_int_equal(byte, 'a' + (int)i);
    }
    connect_runner(trial);
    assert_int_equal(trial->handed, 1);
    assert_int_equal(link_count(&trial->link), 0);
}

static void what_is_dropped_is_hung_up_on(void **state)
{
    struct trial *trial = *state;
    connect_runner(trial);
    link_load(&trial->link, "{}", 3);
    connect_runner(trial);
    link_drop(&trial->link);
    connect_runner(trial);
    run(trial);
    for (unsigned i = 1; i < 3; i++)
        assert_true(is_hung_up(trial, i));
    assert_int_equal(link_count(&trial->link), 0);
    assert_int_equal(trial->loaded, 0);
    link_drop(&trial->link); /* again, as at the end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_kind_says_what_the_container_needs, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(the_first_connection_is_told_of_and_kept, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(without_a_function_there_is_one, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(a_function_is_loaded_over_the_first, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(one_that_hangs_up_while_it_loads_is_gone, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(connections_become_slots, open_trial, end_trial),
        cmocka_unit_test_setup_teardown(what_is_dropped_is_hung_up_on, open_trial, end_trial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
