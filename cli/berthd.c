#include "cli/berthd.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/command.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX    (16u << 20)
#define ARGUMENTS_MAX 16

/* "berthd" beside this program, else wherever PATH has one. The caller frees it. */
static char *find_program(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length > 0) {
        path[length] = '\0';
        char *beside = xasprintf("%.*s/berthd", (int)(strrchr(path, '/') - path), path);
        if (access(beside, X_OK) == 0)
            return beside;
        free(beside);
    }
    return xstrdup("berthd");
}

int berthd_become(const char *const *arguments)
{
    cleanup_free char *program = find_program();
    const char *argv[ARGUMENTS_MAX + 2] = {program};
    for (size_t i = 0; arguments[i] && i < ARGUMENTS_MAX; i++)
        argv[i + 1] = arguments[i];
    execvp(program, (char *const *)argv);
    say_wrong("cannot run %s: %s", program, strerror(errno));
    return STATUS_FAILED;
}

/* It gets no signals of the terminal beside those that this process hands on, and none of it is left when
 * this process is killed. */
static void be_alone(void)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* Its descriptor `number` goes into a pipe, which the caller reads. */
static pid_t start(const char *const *arguments, int number, bool is_alone, int *ret_end)
{
    int ends[2];
    pid_t child = pipe2(ends, O_CLOEXEC) < 0 ? -1 : fork();
    if (child < 0) {
        say_wrong("cannot start berthd: %s", strerror(errno));
        return -1;
    }
    if (child == 0) {
        if (is_alone)
            be_alone();
        dup2(ends[1], number);
        _exit(berthd_become(arguments));
    }
    close(ends[1]);
    *ret_end = ends[0];
    return child;
}

pid_t berthd_start(const char *const *arguments, int *ret_log)
{
    return start(arguments, STDERR_FILENO, true, ret_log);
}

static char *read_all(int fd)
{
    cleanup_strbuf struct strbuf output;
    strbuf_init(&output, OUTPUT_MAX);
    char block[65536];
    for (ssize_t got; (got = read(fd, block, sizeof(block))) > 0;)
        strbuf_append(&output, block, (size_t)got);
    return strbuf_steal(&output);
}

int berthd_ask(const char *const *arguments, char **ret_output)
{
    int end, status;
    pid_t child = start(arguments, STDOUT_FILENO, false, &end);
    if (child < 0)
        return -1;
    *ret_output = read_all(end);
    close(end);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILED;
}
