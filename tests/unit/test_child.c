/* Child processes: what they have of their parent, and what is left when one cannot be started. */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOTHING (-7)

/* One whose standard input and output, and no other files, are these. */
static int spawn(const char *program, const char *script, const int fds[2], pid_t *ret_pid, int *ret_pidfd)
{
    char *environment[] = {"WORD=given", NULL};
    const struct child child = {.program = program,
                                .arguments = (const char *const[]){program, "-c", script, NULL},
                                .environment = environment,
                                .fds = fds,
                                .fd_count = 2};
    return child_spawn(&child, ret_pid, ret_pidfd);
}

static void assert_no_child(void)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* The number that the next file would have. */
static int next_fd(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0);
    close(fd);
    return fd;
}

static void test_has_what_it_is_given_and_no_more(void **state)
{
    (void)state;
    static const char script[] = "for fd in 0 1 2 3 4 5 6 7 8 9; do\n"
                                 "    [ -e /proc/$$/fd/$fd ] && files=\"$files $fd\"\n"
                                 "done\n"
                                 "echo \"$WORD $PWD$files\"; exit 3\n";
    char told[256] = {0};
    int ends[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC), pidfd, status;
    pid_t pid;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const int fds[] = {null, ends[1]};
    assert_int_equal(spawn("sh", script, fds, &pid, &pidfd), 0);
    close(ends[1]);
    struct pollfd end = {.fd = pidfd, .events = POLLIN};
    assert_int_equal(poll(&end, 1, -1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 3);
    assert_true(read(ends[0], told, sizeof(told) - 1) > 0);
    assert_string_equal(told, "given / 0 1\n");
    close(pidfd);
    close(ends[0]);
    close(null);
}

static void test_program_that_is_not_there(void **state)
{
    (void)state;
    const int fds[] = {STDERR_FILENO, STDERR_FILENO};
    int pidfd = NOTHING;
    pid_t pid = NOTHING;
    assert_int_equal(spawn("no-such-program", "", fds, &pid, &pidfd), ENOENT);
    assert_int_equal(pid, NOTHING);
    assert_int_equal(pidfd, NOTHING);
    assert_no_child();
}

static void test_one_that_cannot_be_watched_is_ended(void **state)
{
    (void)state;
    const int fds[] = {STDERR_FILENO, STDERR_FILENO};
    struct rlimit before, none_free;
    int pidfd = NOTHING;
    pid_t pid = NOTHING;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none_free = (struct rlimit){.rlim_cur = (rlim_t)next_fd(), .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none_free), 0);
    int errnum = spawn("sh", "exec sleep 1000", fds, &pid, &pidfd);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(errnum, EMFILE);
    assert_int_equal(pid, NOTHING);
    assert_int_equal(pidfd, NOTHING);
    assert_no_child();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_has_what_it_is_given_and_no_more),
        cmocka_unit_test(test_program_that_is_not_there),
        cmocka_unit_test(test_one_that_cannot_be_watched_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
