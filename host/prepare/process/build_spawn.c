#include "prepare/process/build_spawn.h"

#include "base/alloc.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REPLY_FD     3
#define CHILD_FD_MIN 10 /* the child's ends stay clear of the numbers that they are moved to */

/* Of the daemon's environment a child sees these and no more. */
static const char *const inherited[] = {"ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"};

#define INHERITED_COUNT (sizeof(inherited) / sizeof(*inherited))
#define FIXED_COUNT     3

struct environment {
    char *entries[FIXED_COUNT + INHERITED_COUNT + 1];
};

static void environment_init(struct environment *environment)
{
    size_t count = 0;
    environment->entries[count++] =
        xstrdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    environment->entries[count++] = xstrdup("LANG=C.UTF-8");
    environment->entries[count++] = xstrdup("HOME=/");
    for (size_t i = 0; i < INHERITED_COUNT; i++) {
        const char *value = getenv(inherited[i]);
        if (value)
            environment->entries[count++] = xasprintf("%s=%s", inherited[i], value);
    }
    environment->entries[count] = NULL;
}

static void environment_clear(struct environment *environment)
{
    for (char **entry = environment->entries; *entry; entry++)
        free(*entry);
}

/* Moves a descriptor up to CHILD_FD_MIN or above. */
static int raise_fd(int *fd)
{
    if (*fd >= CHILD_FD_MIN)
        return 0;
    int raised = fcntl(*fd, F_DUPFD_CLOEXEC, CHILD_FD_MIN);
    if (raised < 0)
        return -1;
    close(*fd);
    *fd = raised;
    return 0;
}

/* The request as a file in memory: it is there whole, so nobody has to feed a pipe. */
static int open_request(const char *request, int *ret_fd)
{
    cleanup_close int fd = memfd_create("build-request", MFD_CLOEXEC);
    if (!request || fd < 0 || fs_write_all(fd, request, strlen(request)) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
        raise_fd(&fd) < 0)
        return -1;
    *ret_fd = steal_fd(&fd);
    return 0;
}

/* A pipe whose reading end, the parent's, does not block. */
static int open_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 || raise_fd(&ends[1]) < 0) {
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    *ret_read = ends[0];
    *ret_write = ends[1];
    return 0;
}

static int spawn(const char *program, int request, int output, int reply, struct build_spawn *ret_spawn)
{
    const int fds[] = {
        [STDIN_FILENO] = request, [STDOUT_FILENO] = output, [STDERR_FILENO] = output, [REPLY_FD] = reply};
    struct environment environment;
    environment_init(&environment);
    const struct child child = {.program = program,
                                .arguments = (const char *const[]){program, NULL},
                                .environment = environment.entries,
                                .fds = fds,
                                .fd_count = sizeof(fds) / sizeof(fds[0])};
    int errnum = child_spawn(&child, &ret_spawn->pid, &ret_spawn->pidfd);
    environment_clear(&environment);
    return errnum;
}

static int start_error(struct error *err, int errnum, const char *program)
{
    error_errno(err, COMPONENT_BUILD, errnum, "cannot start the build job %s", program);
    if (err)
        err->code = ERROR_JOB_START;
    return -1;
}

int build_spawn(const char *program, const char *request, struct build_spawn *ret_spawn, struct error *err)
{
    cleanup_close int input = -1, output = -1, output_child = -1, reply = -1, reply_child = -1;
    if (open_request(request, &input) < 0 || open_pipe(&output, &output_child) < 0 ||
        open_pipe(&reply, &reply_child) < 0)
        return start_error(err, errno, program);
    int errnum = spawn(program, input, output_child, reply_child, ret_spawn);
    if (errnum != 0)
        return start_error(err, errnum, program);
    ret_spawn->output = steal_fd(&output);
    ret_spawn->reply = steal_fd(&reply);
    return 0;
}
