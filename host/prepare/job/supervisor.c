#include "prepare/job/supervisor.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "prepare/job/confine.h"
#include "prepare/job/package_server.h"
#include "prepare/job/work.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_TROUBLE  2
#define CHILDREN_MAX  4096
#define SOCKET_FD_MIN 200 /* out of the plugin's way, and that of programs it runs */

struct supervisor {
    const json_t *request;
    const struct reply *reply;
    struct confinement confinement;
    sigset_t signals_before;
    pid_t self;
    int status_read, status_write; /* how the first process of a PID namespace tells of the job's end */
    int sockets[2]; /* this process's end, and the job's */
    pid_t child; /* the job's process, or the first one of its namespace */
    struct pollfd socket, end, signal;
    bool stopped; /* it was told to end the job */
};

static const char *text_of(const json_t *request, const char *member)
{
    return json_string_value(json_object_get(request, member));
}

static _Noreturn void trouble(const char *what)
{
    dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
    _exit(EXIT_TROUBLE);
}

/* --- the confined process --- */

static char *folder_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
}

static int open_path(const char *path)
{
    return path ? open(path, O_PATH | O_CLOEXEC) : -1;
}

/* What may be read is opened once: whoever can change the function's folders cannot have another one read in
 * its place. */
static void confine(struct supervisor *supervisor)
{
    const char *plugin = text_of(supervisor->request, "plugin");
    const char *function = text_of(supervisor->request, "folder");
    cleanup_free char *plugin_folder = folder_of(plugin);
    cleanup_close int file = open_path(plugin), beside = open_path(plugin_folder), folder = -1;
    cleanup_close int dependencies = open_path(text_of(supervisor->request, "dependencies"));
    if (function)
        fs_open_real_dir(function, &folder, NULL);
    if (json_is_true(json_object_get(supervisor->request, "writable")))
        supervisor->confinement.writable = function;
    const int readable[] = {file, beside, folder, dependencies};
    confine_self(&supervisor->confinement, readable, sizeof(readable) / sizeof(*readable));
    if (json_array_size(supervisor->confinement.lacks) > 0)
        reply_lacks(supervisor->reply, supervisor->confinement.lacks);
}

/* Nothing is left open but the pipe and the socket to the parent, and the output. */
static _Noreturn void run_job(struct supervisor *supervisor)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int socket = fcntl(supervisor->sockets[1], F_DUPFD_CLOEXEC, SOCKET_FD_MIN);
    if (null < 0 || socket < 0 || dup2(null, STDIN_FILENO) < 0)
        trouble("cannot set up the job's process");
    close(null);
    close(supervisor->sockets[0]);
    close(supervisor->sockets[1]);
    close(supervisor->status_read);
    close(supervisor->status_write);
    confine(supervisor);
    if (!supervisor->confinement.own_pids && getppid() != supervisor->self)
        _exit(EXIT_TROUBLE); /* it died before this process asked to die with it */
    sigprocmask(SIG_SETMASK, &supervisor->signals_before, NULL);
    work(supervisor->request, supervisor->reply, socket);
}

/* --- the first process of the job's PID namespace: with it, all others of the namespace end --- */

static void close_all_but(int fd)
{
    if (fd > 0)
        close_range(0, (unsigned)fd - 1, 0);
    close_range((unsigned)fd + 1, ~0u, 0);
}

static _Noreturn void run_first(const struct supervisor *supervisor, pid_t job)
{
    int fd = supervisor->status_write, status = 0;
    close_all_but(fd);
    for (pid_t ended = -1; ended != job;) {
        ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR)
            _exit(EXIT_TROUBLE);
    }
    _exit(write(fd, &status, sizeof(status)) == (ssize_t)sizeof(status) ? 0 : EXIT_TROUBLE);
}

/* True when the parent, who alone has the reading end, is there. */
static bool has_parent(const struct supervisor *supervisor)
{
    struct pollfd pipe = {.fd = supervisor->status_write, .events = POLLOUT};
    return poll(&pipe, 1, 0) >= 0 && !(pipe.revents & POLLERR);
}

static _Noreturn void run_child(struct supervisor *supervisor)
{
    if (!supervisor->confinement.own_pids)
        run_job(supervisor);
    close(supervisor->status_read);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!has_parent(supervisor))
        _exit(EXIT_TROUBLE);
    pid_t job = fork();
    if (job == 0)
        run_job(supervisor);
    if (job < 0)
        trouble("cannot start the job's process");
    run_first(supervisor, job);
}

/* --- the watching process --- */

/* The processes whose parent this is now: the job's own, and those whose parents have ended. */
static void kill_children(void)
{
    char path[64], text[CHILDREN_MAX];
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[size < 0 ? 0 : size] = '\0';
    char *at = text;
    for (pid_t child; (child = (pid_t)strtol(at, &at, 10)) > 0 && *at == ' ';)
        kill(child, SIGKILL);
}

/* Ends every process of the job. The status of the one that was started is left in *ret_status. Whoever loses
 * its parent becomes a child of this process, so when there is none any more, there is nobody left. */
static void end_all(const struct supervisor *supervisor, int *ret_status)
{
    kill(supervisor->child, SIGKILL);
    for (;;) {
        int status;
        kill_children();
        pid_t ended = waitpid(-1, &status, 0);
        if (ended == supervisor->child)
            *ret_status = status;
        if (ended < 0 && errno != EINTR)
            return;
    }
}

static void start(struct supervisor *supervisor)
{
    sigset_t signals;
    int ends[2];
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &supervisor->signals_before);
    confine_children(&supervisor->confinement);
    if (getppid() != json_integer_value(json_object_get(supervisor->request, "parent")))
        _exit(EXIT_TROUBLE); /* it died before this process asked to be told */
    if (pipe2(ends, O_CLOEXEC) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, supervisor->sockets) < 0)
        trouble("cannot connect to the job's process");
    supervisor->status_read = ends[0];
    supervisor->status_write = ends[1];
    supervisor->child = fork();
    if (supervisor->child == 0)
        run_child(supervisor);
    if (supervisor->child < 0)
        trouble("cannot start the job's process");
    close(supervisor->sockets[1]);
    close(supervisor->status_write);
    supervisor->socket = (struct pollfd){.fd = supervisor->sockets[0], .events = POLLIN};
    supervisor->end = (struct pollfd){.fd = pidfd_open(supervisor->child, 0), .events = POLLIN};
    supervisor->signal = (struct pollfd){.fd = signalfd(-1, &signals, SFD_CLOEXEC), .events = POLLIN};
    if (supervisor->end.fd < 0 || supervisor->signal.fd < 0) {
        int status, errnum = errno;
        end_all(supervisor, &status);
        errno = errnum;
        trouble("cannot watch the job's process");
    }
}

/* Waits for something to happen. True when it is the socket, and the job goes on. */
static bool wait_for(struct supervisor *supervisor, int socket)
{
    struct pollfd all[] = {supervisor->end, supervisor->signal, supervisor->socket};
    all[2].fd = socket;
    for (;;) {
        if (poll(all, 3, -1) < 0) {
            if (errno == EINTR)
                continue;
            return false;
        }
        supervisor->stopped = supervisor->stopped || all[1].revents != 0;
        return all[0].revents == 0 && all[1].revents == 0;
    }
}

static bool wait_readable(void *context)
{
    struct supervisor *supervisor = context;
    return wait_for(supervisor, supervisor->socket.fd);
}

/* How the job ended and, if it ended well, what it has put into its output. */
static json_t *end_json(const struct supervisor *supervisor, struct package_server *server, int status)
{
    if (supervisor->confinement.own_pids &&
        read(supervisor->status_read, &status, sizeof(status)) != (ssize_t)sizeof(status))
        status = SIGKILL;
    if (!WIFEXITED(status))
        return json_pack("{s:i}", "signal", WTERMSIG(status));
    struct rusage usage;
    json_t *end = json_pack("{s:i}", "code", WEXITSTATUS(status)), *package;
    if (getrusage(RUSAGE_CHILDREN, &usage) == 0)
        json_object_set_new(end, "memory_bytes", json_integer((json_int_t)usage.ru_maxrss * 1024));
    struct error err;
    if (WEXITSTATUS(status) != 0)
        return end;
    if (package_server_finish(server, &package, &err) < 0)
        json_object_set_new(end, "error", json_error(&err));
    else if (package)
        json_object_set_new(end, "package", package);
    return end;
}

_Noreturn void supervise(const json_t *request, const struct reply *reply)
{
    struct supervisor supervisor = {
        .request = request, .reply = reply, .self = getpid(), .confinement.lacks = json_array()};
    start(&supervisor);
    struct package_server *server = package_server_create(supervisor.socket.fd, text_of(request, "output"));
    package_server_run(server, wait_readable, &supervisor);
    while (wait_for(&supervisor, -1))
        continue;
    int status = 0;
    end_all(&supervisor, &status);
    if (supervisor.stopped)
        _exit(EXIT_TROUBLE);
    /* There is nothing left to end but this process, which may be at a large package, or wait for a reader.
     */
    sigprocmask(SIG_SETMASK, &supervisor.signals_before, NULL);
    reply_end(reply, end_json(&supervisor, server, status));
    _exit(0);
}
