#include "prepare/image/credential_helper.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX (64u << 10)
#define NOT_FOUND  "credentials not found" /* what the answer of one that knows nothing begins with */

/* One that runs. */
struct helper {
    const char *program;
    const char *registry;
    pid_t pid;
    int pidfd;
    int output;
    uint64_t end_ms; /* clock_ms() at which it is ended */
};

static int fail(const struct helper *helper, struct error *err, const char *how)
{
    error_set(err, ERROR_IMAGE_LOGIN, "%s, which Docker's config.json names for %s, %s", helper->program,
              helper->registry, how);
    return error_hint(err, "try it, as the user of berthd: echo %s | %s get", helper->registry,
                      helper->program);
}

static int fail_errno(const struct helper *helper, struct error *err, int errnum)
{
    error_errno(err, COMPONENT_BUILD, errnum, "cannot run %s, which Docker's config.json names for %s",
                helper->program, helper->registry);
    err->code = ERROR_IMAGE_LOGIN;
    bool is_helpers = errnum == ENOENT || errnum == EACCES;
    return error_hint(err, is_helpers
                               ? "install it where the PATH of berthd leads, or take it out of config.json"
                               : "berthd can start no program at present; when it can, have it look again: "
                                 "berth reload");
}

/* --- its start --- */

/* The question as a file in memory: it is there whole, so nobody has to feed a pipe. */
static int open_question(const char *registry)
{
    cleanup_close int fd = memfd_create("registry", MFD_CLOEXEC);
    if (fd < 0 || fs_write_all(fd, registry, strlen(registry)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    return steal_fd(&fd);
}

/* What it writes to standard error is nobody's. */
static int spawn(struct helper *helper, int question, int answer)
{
    cleanup_close int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        return errno;
    const int fds[] = {[STDIN_FILENO] = question, [STDOUT_FILENO] = answer, [STDERR_FILENO] = nowhere};
    const struct child child = {.program = helper->program,
                                .arguments = (const char *const[]){helper->program, "get", NULL},
                                .environment = environ,
                                .fds = fds,
                                .fd_count = sizeof(fds) / sizeof(fds[0])};
    return child_spawn(&child, &helper->pid, &helper->pidfd);
}

static int start(struct helper *helper, struct error *err)
{
    int ends[2];
    cleanup_close int question = open_question(helper->registry);
    if (question < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return fail_errno(helper, err, errno);
    int errnum = spawn(helper, question, ends[1]);
    close(ends[1]);
    helper->output = ends[0];
    if (errnum != 0) {
        close(helper->output);
        return fail_errno(helper, err, errnum);
    }
    return 0;
}

/* --- its end --- */

/* False: its time is over. */
static bool wait_for(const struct helper *helper, int fd)
{
    for (;;) {
        uint64_t now_ms = clock_ms();
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        int ready = now_ms < helper->end_ms ? poll(&poll_fd, 1, (int)(helper->end_ms - now_ms)) : 0;
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

/* Up to the end of its output. The length, or -1: its time is over, or it says too much. */
static ssize_t read_answer(const struct helper *helper, struct locked *answer)
{
    size_t length = 0;
    while (wait_for(helper, helper->output)) {
        ssize_t got = read(helper->output, answer->bytes + length, answer->size - 1 - length);
        if (got == 0) {
            answer->bytes[length] = '\0';
            return length < answer->size - 1 ? (ssize_t)length : -1;
        }
        if (got > 0)
            length += (size_t)got;
        else if (errno != EINTR)
            return -1;
    }
    return -1;
}

/* What it has started ends with it. */
static int end(const struct helper *helper, bool in_time)
{
    int status = 0;
    if (!in_time || !wait_for(helper, helper->pidfd))
        kill(-helper->pid, SIGKILL);
    while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(helper->output);
    close(helper->pidfd);
    return status;
}

/* Takes the answer of one that has ended; -1 as credential_helper_ask(). */
static int judge(const struct helper *helper, ssize_t length, int status, struct locked *answer,
                 struct locked *ret_answer, struct error *err)
{
    char how[64];
    if (length < 0 || WIFSIGNALED(status))
        return fail(helper, err, "does not answer");
    if (WEXITSTATUS(status) != 0 && strncmp(answer->bytes, NOT_FOUND, strlen(NOT_FOUND)) != 0) {
        snprintf(how, sizeof(how), "failed with code %d", WEXITSTATUS(status));
        return fail(helper, err, how);
    }
    *ret_answer = (struct locked){0};
    if (WEXITSTATUS(status) == 0) {
        *ret_answer = *answer;
        *answer = (struct locked){0};
    }
    return 0;
}

int credential_helper_ask(const char *name, const char *registry, struct locked *ret_answer,
                          struct error *err)
{
    cleanup_free char *program = xasprintf("docker-credential-%s", name);
    struct helper helper = {
        .program = program, .registry = registry, .end_ms = clock_ms() + CREDENTIAL_HELPER_MS};
    if (strchr(name, '/'))
        return fail(&helper, err, "is no name of a program");
    if (start(&helper, err) < 0)
        return -1;
    cleanup_locked struct locked answer = locked_make(ANSWER_MAX + 1);
    ssize_t length = read_answer(&helper, &answer);
    int status = end(&helper, length >= 0);
    return judge(&helper, length, status, &answer, ret_answer, err);
}
