/* The socket that runners dial. */
#include "fleet/link/dial.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#define DIALS_MAX 200

struct listening {
    struct event_base *base;
    char dir[64];
    struct link *link;
    unsigned accepted;
    bool closes; /* the dial, when the first connection comes */
    int dials[DIALS_MAX]; /* connections of the test's own */
    size_t dialled;
    struct rlimit descriptors; /* as they were */
};

static void on_connection(void *owner, int fd)
{
    struct listening *listening = owner;
    listening->accepted++;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    if (listening->closes)
        link_close(steal(&listening->link));
}

/* Takes it, so that all others are handed on. */
static void on_reached(void *owner)
{
    struct listening *listening = owner;
    int fd = link_take(listening->link);
    assert_int_equal(link_take(listening->link), -1);
    on_connection(owner, fd);
}

static const struct link_hooks hooks = {.reached = on_reached, .connection = on_connection};

static int dial_it(const struct listening *listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/0123456789ab/host.sock", listening->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

/* The folder that its runner's container gets, with the socket in it. */
static int listen_for_runner(void **state)
{
    struct listening *listening = xcalloc(1, sizeof(*listening));
    *listening = (struct listening){.base = event_base_new(), .dir = "/tmp/berth-dial-XXXXXX"};
    struct error err;
    *state = listening;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &listening->descriptors), 0);
    assert_non_null(mkdtemp(listening->dir));
    cleanup_free char *dir = xasprintf("%s/0123456789ab", listening->dir);
    assert_int_equal(dial_open(listening->base, dir, &hooks, listening, &listening->link, &err), 0);
    assert_int_equal(dial_it(listening), -1); /* there is no container yet */
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(link_listen(listening->link, &err), 0);
    return 0;
}

static int end_listening(void **state)
{
    struct listening *listening = *state;
    setrlimit(RLIMIT_NOFILE, &listening->descriptors);
    for (size_t i = 0; i < listening->dialled; i++)
        close(listening->dials[i]);
    link_close(listening->link);
    event_base_free(listening->base);
    int left = rmdir(listening->dir);
    free(listening);
    return left; /* 0: nothing was left in it */
}

/* Dials, and keeps the connection until the end of the test. */
static int dial_and_stay(struct listening *listening)
{
    int fd = dial_it(listening);
    assert_return_code(fd, errno);
    assert_true(listening->dialled < DIALS_MAX);
    listening->dials[listening->dialled++] = fd;
    return fd;
}

static void run(struct listening *listening, unsigned ms)
{
    const struct timeval limit = {.tv_usec = (suseconds_t)ms * 1000};
    event_base_loopexit(listening->base, &limit);
    event_base_dispatch(listening->base);
}

/* Runs until that many have been accepted. */
static void await_accepted(struct listening *listening, unsigned count)
{
    for (unsigned tries = 0; listening->accepted < count && tries < 3000; tries++)
        run(listening, 20);
    assert_int_equal(listening->accepted, count);
}

static void takes_every_connection(void **state)
{
    struct listening *listening = *state;
    struct stat status;
    cleanup_free char *path = xasprintf("%s/host.sock", link_dir(listening->link));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666); /* whatever user the runner is */
    for (size_t i = 0; i < DIALS_MAX; i++)
        dial_and_stay(listening);
    await_accepted(listening, DIALS_MAX);
}

/* Dials as another user, in a process of its own, from which nothing else is taken. */
static pid_t dial_as(const struct listening *listening, uid_t user)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    bool dialled = setresuid(user, user, user) == 0 && dial_it(listening) >= 0;
    _exit(dialled ? 0 : 1);
}

static void expect_success(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* A container has one user: who was first is the runner, and nobody else is taken for it. */
static void belongs_to_the_user_that_was_first(void **state)
{
    struct listening *listening = *state;
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(listening->dir, 0755), 0);
    static const struct {
        uid_t user;
        unsigned accepted;
    } dials[] = {{10001, 1}, {0, 1}, {65534, 1}, {10001, 2}};
    for (size_t i = 0; i < sizeof(dials) / sizeof(dials[0]); i++) {
        expect_success(dial_as(listening, dials[i].user));
        await_accepted(listening, dials[i].accepted);
        run(listening, 50); /* no more than that */
        assert_int_equal(listening->accepted, dials[i].accepted);
    }
}

static void may_be_closed_from_its_callback(void **state)
{
    struct listening *listening = *state;
    listening->closes = true;
    dial_and_stay(listening);
    dial_and_stay(listening);
    await_accepted(listening, 1);
    run(listening, 50);
    assert_int_equal(listening->accepted, 1);
    assert_int_equal(dial_it(listening), -1);
}

/* Without descriptors it waits for some, and does not spin. */
static void waits_for_descriptors(void **state)
{
    struct listening *listening = *state;
    int fd = dial_and_stay(listening);
    const struct rlimit none = {.rlim_max = listening->descriptors.rlim_max, .rlim_cur = (rlim_t)fd + 1};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    run(listening, 300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &listening->descriptors), 0);
    assert_int_equal(listening->accepted, 0);
    int64_t used_us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    assert_true(used_us < 100000);
    await_accepted(listening, 1);
}

static void a_long_path_is_named(void **state)
{
    (void)state;
    static const char dir[] = "/tmp/berth-dial-with-a-name-that-is-much-too-long-for-a-unix-socket-"
                              "which-has-about-a-hundred-bytes-at-most";
    struct event_base *base = event_base_new();
    struct link *link;
    struct error err;
    assert_int_equal(dial_open(base, dir, &hooks, NULL, &link, &err), -1);
    assert_string_equal(error_code_slug(err.code), "path-too-long");
    assert_non_null(strstr(err.hint, "--run-dir"));
    assert_int_equal(fs_exists(dir), 0);
    event_base_free(base);
}

/* With a socket that is listened at, which is closed whether the test has failed or not. */
#define LISTENING_TEST(name) cmocka_unit_test_setup_teardown(name, listen_for_runner, end_listening)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTENING_TEST(takes_every_connection),          LISTENING_TEST(belongs_to_the_user_that_was_first),
        LISTENING_TEST(may_be_closed_from_its_callback), LISTENING_TEST(waits_for_descriptors),
        cmocka_unit_test(a_long_path_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
