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

struct listening {
    struct event_base *base;
    char dir[64];
    struct link *link;
    unsigned accepted;
    bool closes; /* the dial, when the first connection comes */
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

static void listening_open(struct listening *listening)
{
    *listening = (struct listening){.base = event_base_new(), .dir = "/tmp/berth-dial-XXXXXX"};
    struct error err;
    assert_non_null(mkdtemp(listening->dir));
    cleanup_free char *dir = xasprintf("%s/0123456789ab", listening->dir);
    assert_int_equal(dial_open(listening->base, dir, &hooks, listening, &listening->link, &err), 0);
    assert_int_equal(dial_it(listening), -1); /* there is no container yet */
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(link_listen(listening->link, &err), 0);
}

static void listening_close(struct listening *listening)
{
    link_close(listening->link);
    event_base_free(listening->base);
    assert_int_equal(rmdir(listening->dir), 0); /* nothing is left in it */
}

static void run(struct listening *listening, unsigned ms)
{
    const struct timeval limit = {.tv_usec = (suseconds_t)ms * 1000};
    event_base_loopexit(listening->base, &limit);
    event_base_dispatch(listening->base);
}

static void takes_every_connection(void **state)
{
    (void)state;
    struct listening listening;
    int fds[200];
    struct stat status;
    listening_open(&listening);
    cleanup_free char *path = xasprintf("%s/host.sock", link_dir(listening.link));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666); /* whatever user the runner is */
    for (size_t i = 0; i < 200; i++)
        fds[i] = dial_it(&listening);
    run(&listening, 100);
    assert_int_equal(listening.accepted, 200);
    for (size_t i = 0; i < 200; i++)
        close(fds[i]);
    listening_close(&listening);
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
    (void)state;
    struct listening listening;
    if (geteuid() != 0)
        skip();
    listening_open(&listening);
    assert_int_equal(chmod(listening.dir, 0755), 0);
    static const struct {
        uid_t user;
        unsigned accepted;
    } dials[] = {{10001, 1}, {0, 1}, {65534, 1}, {10001, 2}};
    for (size_t i = 0; i < sizeof(dials) / sizeof(dials[0]); i++) {
        expect_success(dial_as(&listening, dials[i].user));
        run(&listening, 50);
        assert_int_equal(listening.accepted, dials[i].accepted);
    }
    listening_close(&listening);
}

static void may_be_closed_from_its_callback(void **state)
{
    (void)state;
    struct listening listening;
    listening_open(&listening);
    listening.closes = true;
    int one = dial_it(&listening), other = dial_it(&listening);
    run(&listening, 50);
    assert_int_equal(listening.accepted, 1);
    assert_int_equal(dial_it(&listening), -1);
    close(one);
    close(other);
    listening_close(&listening);
}

/* Without descriptors it waits for some, and does not spin. */
static void waits_for_descriptors(void **state)
{
    (void)state;
    struct listening listening;
    struct rlimit usual, none = {0};
    listening_open(&listening);
    int fd = dial_it(&listening);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
    none.rlim_max = usual.rlim_max;
    none.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    run(&listening, 300);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
    assert_int_equal(listening.accepted, 0);
    int64_t used_us = (after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000;
    assert_true(used_us < 100000);
    run(&listening, 200);
    assert_int_equal(listening.accepted, 1);
    close(fd);
    listening_close(&listening);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_connection),
        cmocka_unit_test(belongs_to_the_user_that_was_first),
        cmocka_unit_test(may_be_closed_from_its_callback),
        cmocka_unit_test(waits_for_descriptors),
        cmocka_unit_test(a_long_path_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
