/*
 * Tries to reach whatever is outside of its job. Each attack that comes through is reported as an error, "it
 * could
 * ...". The option "attack" names the one to try, else all are; "path" and "pid" say what to attack beside
 * its own surroundings. No attack harms a machine that lets it through: signals are the empty one, and what
 * grows is bounded.
 */
#include "bad.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 300
#define BLOCKS_MAX    256 /* of 64 MiB: 16 GiB */

struct target {
    const char *folder, *path;
    pid_t pid; /* 0: none is given */
    char text[4400];
};

static const char *could(struct target *target, const char *what, const char *path)
{
    snprintf(target->text, sizeof(target->text), "it could %s%s%.4000s", what, path ? " " : "",
             path ? path : "");
    return target->text;
}

static int can_write(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return 0;
    int rc = write(fd, "x", 1) == 1;
    close(fd);
    unlink(path);
    return rc;
}

/* Everything that can be changed about a file, changed to what it is. */
static int can_change(const char *path)
{
    char other[4200];
    struct stat status;
    snprintf(other, sizeof(other), "%s.other", path);
    if (lstat(path, &status) < 0)
        return 0;
    if (link(path, other) == 0)
        return unlink(other) == 0;
    const struct timespec times[] = {status.st_atim, status.st_mtim};
    return truncate(path, status.st_size) == 0 || chmod(path, status.st_mode) == 0 ||
           utimensat(AT_FDCWD, path, times, 0) == 0;
}

static const char *write_below(struct target *target, const char *folder)
{
    char path[4200];
    snprintf(path, sizeof(path), "%s/attacked", folder);
    if (can_write(path))
        return could(target, "write", path);
    if (mkdir(path, 0755) != 0 && symlink("/", path) != 0 && mkfifo(path, 0644) != 0)
        return NULL;
    remove(path);
    return could(target, "make", path);
}

static const char *attack_folder(struct target *target)
{
    char path[4200];
    const char *done = write_below(target, target->folder);
    snprintf(path, sizeof(path), "%s/main.x", target->folder);
    if (!done && (can_change(path) || can_change(target->folder)))
        return could(target, "change", path);
    return done;
}

static const char *attack_plugin(struct target *target)
{
    char folder[4096];
    Dl_info info;
    if (!dladdr((void *)(size_t)berth_plugin_entry, &info))
        return NULL;
    snprintf(folder, sizeof(folder), "%s", info.dli_fname);
    char *slash = strrchr(folder, '/');
    if (can_change(folder))
        return could(target, "change", folder);
    if (!slash)
        return NULL;
    *slash = '\0';
    return write_below(target, folder);
}

static const char *attack_places(struct target *target)
{
    static const char *const places[] = {"/",    "/tmp",  "/var/tmp", "/dev/shm",
                                         "/run", "/root", "/etc",     "/proc/self/cwd"};
    const char *done = target->path ? write_below(target, target->path) : NULL;
    for (size_t i = 0; !done && i < sizeof(places) / sizeof(*places); i++)
        done = write_below(target, places[i]);
    return done;
}

static const char *attack_secrets(struct target *target)
{
    char environment[64], command[64], given[4200];
    snprintf(environment, sizeof(environment), "/proc/%d/environ", target->pid);
    snprintf(command, sizeof(command), "/proc/%d/cmdline", target->pid);
    snprintf(given, sizeof(given), "%s/secret", target->path ? target->path : "");
    const char *const secrets[] = {
        given,         environment, command,    "/etc/shadow", "/proc/1/environ", "/proc/1/mem",
        "/proc/kcore", "/dev/mem",  "/dev/vda", "/dev/sda",    "/var/run/docker", "/var/lib/docker"};
    for (size_t i = 0; i < sizeof(secrets) / sizeof(*secrets); i++) {
        char byte;
        int fd = open(secrets[i], O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && (read(fd, &byte, 1) == 1 || errno == EISDIR))
            return could(target, "read", secrets[i]);
        if (fd >= 0)
            close(fd);
    }
    return NULL;
}

/* Has the kernel send them when there is something to read. */
static int can_name_owner(pid_t pid)
{
    int ends[2];
    if (pipe(ends) < 0)
        return 0;
    int rc = fcntl(ends[0], F_SETOWN, pid) == 0;
    close(ends[0]);
    close(ends[1]);
    return rc;
}

static const char *attack_signals(struct target *target)
{
    if (getppid() > 1 && kill(getppid(), 0) == 0)
        return could(target, "signal its parent", NULL);
    if (target->pid > 0 && kill(target->pid, 0) == 0)
        return could(target, "signal the daemon", NULL);
    if (target->pid > 0 && (tgkill(target->pid, target->pid, 0) == 0 || can_name_owner(target->pid)))
        return could(target, "have the daemon sent signals", NULL);
    if (target->pid > 0 && setpriority(PRIO_PROCESS, (id_t)target->pid, 19) == 0)
        return could(target, "slow down the daemon", NULL);
    struct rlimit limit;
    if (target->pid > 0 && prlimit(target->pid, RLIMIT_NOFILE, NULL, &limit) == 0)
        return could(target, "reach the limits of the daemon", NULL);
    return NULL;
}

static const char *attack_trace(struct target *target)
{
    pid_t pids[] = {target->pid, getppid(), 1};
    char byte;
    struct iovec here = {&byte, 1}, there = {&byte, 1};
    for (size_t i = 0; i < sizeof(pids) / sizeof(*pids); i++) {
        if (pids[i] > 0 && ptrace(PTRACE_SEIZE, pids[i], NULL, NULL) == 0)
            return could(target, "trace another process", NULL);
    }
    if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) == 1)
        return could(target, "read the memory of processes", NULL);
    return NULL;
}

static const char *attack_sockets(struct target *target)
{
    struct sockaddr_un docker = {.sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock"};
    struct sockaddr_in loopback = {
        .sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&docker, sizeof(docker)) == 0)
        return could(target, "reach the Docker engine", NULL);
    int inet = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(inet, (struct sockaddr *)&loopback, sizeof(loopback)) == 0 || errno == ECONNREFUSED)
        return could(target, "reach the network", NULL);
    return fd >= 0 || inet >= 0 || socket(AF_NETLINK, SOCK_RAW, 0) >= 0 ? could(target, "make a socket", NULL)
                                                                        : NULL;
}

/* What counts against no limit of a process, or stays when it is gone. */
static const char *attack_kernel(struct target *target)
{
    if (syscall(SYS_memfd_create, "x", 0) >= 0)
        return could(target, "make files in memory", NULL);
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id >= 0)
        shmctl(id, IPC_RMID, NULL);
    if (id >= 0)
        return could(target, "leave shared memory behind", NULL);
    if (unshare(CLONE_NEWUSER) == 0 || mount("none", "/tmp", "tmpfs", 0, NULL) == 0 || chroot("/tmp") == 0)
        return could(target, "leave its view of the files", NULL);
    if (setuid(0) == 0 && getuid() == 0 && target->pid > 0 && kill(target->pid, 0) == 0)
        return could(target, "become root", NULL);
    char parameters[128] = {0};
    if (syscall(SYS_io_uring_setup, 1, parameters) >= 0)
        return could(target, "use io_uring", NULL);
    return NULL;
}

static const char *attack_processes(struct target *target)
{
    int count = 0;
    for (pid_t child; count < PROCESSES_MAX && (child = fork()) >= 0; count++) {
        if (child == 0) {
            for (;;)
                pause();
        }
    }
    return count == PROCESSES_MAX ? could(target, "start any number of processes", NULL) : NULL;
}

static const char *attack_memory(struct target *target)
{
    for (int i = 0; i < BLOCKS_MAX; i++) {
        void *block = mmap(NULL, 64u << 20, PROT_READ | PROT_WRITE,
                           (i % 2 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (block == MAP_FAILED)
            return NULL;
    }
    return could(target, "have any amount of memory", NULL);
}

/* A process that has nothing to do with its parent any more; who looks for it knows it by its name, made of
 * `pid`. */
static const char *attack_survive(struct target *target)
{
    int ready[2];
    char byte, name[16];
    snprintf(name, sizeof(name), "surv-%d", (int)target->pid);
    if (pipe(ready) < 0)
        return could(target, "have no pipe", NULL);
    if (fork() == 0) {
        setsid();
        if (fork() > 0)
            _exit(0);
        prctl(PR_SET_NAME, name);
        signal(SIGTERM, SIG_IGN);
        closefrom(0);
        for (;;)
            pause();
    }
    close(ready[1]);
    return read(ready[0], &byte, 1) == 0 ? NULL : could(target, "read from a closed pipe", NULL);
}

static const char *attack_linger(struct target *target)
{
    while (!attack_survive(target))
        pause();
    return NULL;
}

/* Says the last word in the place of the one who has it. */
static const char *attack_words(struct target *target)
{
    static const char words[] = "{\"end\":{\"code\":0,\"package\":{\"digest\":"
                                "\"0000000000000000000000000000000000000000000000000000000000000000\","
                                "\"bytes\":1,\"files\":1}}}\n{\"lacks\":[\"honesty\"]}\n";
    (void)target;
    for (int fd = 3; fd < 300; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if ((flags & O_ACCMODE) == O_WRONLY && write(fd, words, strchr(words, '\n') + 1 - words) > 0)
            fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
    return NULL;
}

/* Half a request to who writes its files, and never another word. */
static const char *attack_writer(struct target *target)
{
    (void)target;
    for (int fd = 3; fd < 300; fd++) {
        if (send(fd, "\3\0\0", 3, MSG_DONTWAIT) == 3)
            for (;;)
                pause();
    }
    return NULL;
}

/* Leaves no room for anybody's word. */
static const char *attack_stuff(struct target *target)
{
    char byte = ' ';
    (void)target;
    for (int fd = 3; fd < 300; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if ((flags & O_ACCMODE) != O_WRONLY || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
            continue;
        while (write(fd, &byte, 1) == 1)
            continue;
    }
    _exit(0);
}

/* Reads `secret` in its own folder, when somebody has put a link to another one there. Who does that sees by
 * main.x being opened that the time has come. */
static const char *attack_replaced(struct target *target)
{
    char path[4200];
    struct stat status;
    snprintf(path, sizeof(path), "%s/main.x", target->folder);
    if (open(path, O_RDONLY | O_CLOEXEC) < 0)
        return could(target, "not read", path);
    while (lstat(target->folder, &status) < 0 || !S_ISLNK(status.st_mode))
        poll(NULL, 0, 1);
    snprintf(path, sizeof(path), "%s/secret", target->folder);
    return open(path, O_RDONLY | O_CLOEXEC) >= 0 ? could(target, "read", path) : NULL;
}

static const char *attack_descriptors(struct target *target)
{
    (void)target;
    closefrom(0);
    return NULL;
}

static const struct attack {
    const char *name;
    const char *(*run)(struct target *target);
    int only_alone; /* nothing can be reported after it */
} attacks[] = {
    {"folder", attack_folder, 0},     {"plugin", attack_plugin, 0},
    {"places", attack_places, 0},     {"secrets", attack_secrets, 0},
    {"signals", attack_signals, 0},   {"trace", attack_trace, 0},
    {"sockets", attack_sockets, 0},   {"kernel", attack_kernel, 0},
    {"survive", attack_survive, 0},   {"processes", attack_processes, 0},
    {"memory", attack_memory, 1},     {"linger", attack_linger, 1},
    {"words", attack_words, 1},       {"writer", attack_writer, 1},
    {"stuff", attack_stuff, 1},       {"descriptors", attack_descriptors, 1},
    {"replaced", attack_replaced, 1},
};

static int attack(BAD_ARGUMENTS)
{
    const char *wanted = host->option(job, "attack"), *pid = host->option(job, "pid");
    struct target target = {.folder = function->folder, .path = host->option(job, "path")};
    target.pid = pid ? (pid_t)strtol(pid, NULL, 10) : 0;
    (void)err;
    for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++) {
        if (wanted ? strcmp(wanted, attacks[i].name) != 0 : attacks[i].only_alone)
            continue;
        const char *done = attacks[i].run(&target);
        const struct berth_diagnostic through = {
            .struct_size = sizeof(through), .severity = BERTH_SEVERITY_ERROR, .message = done};
        if (done)
            host->report(job, &through);
    }
    return 0;
}

static const struct berth_option options[] = {
    {.name = "attack", .type = BERTH_OPTION_STRING, .help = "What to try; all when left out."},
    {.name = "path", .type = BERTH_OPTION_STRING, .help = "A folder to write into and to read `secret` in."},
    {.name = "pid", .type = BERTH_OPTION_INTEGER, .help = "A process to signal and trace."},
};

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "hostile",
    .version = "1.0",
    BERTH_OPTIONS(options),
    .validate = attack,
    .package = good_package,
    .launch = good_launch,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
