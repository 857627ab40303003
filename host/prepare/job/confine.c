#include "prepare/job/confine.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "prepare/job/file_rules.h"
#include "prepare/job/lacks.h"
#include "prepare/job/syscall_filter.h"
#include "prepare/job/task_count.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICENESS      5
#define MEMORY_MAX    (4ull << 30)
#define FILES_MAX     256
#define WRITTEN_MAX   (1u << 20) /* bytes of a file, where the plugin may write */
#define PROCESSES_MAX 64

/* One of 65536 user ids that nobody uses: above those of containers, below the end of 31 bits. */
#define USER_FIRST 0x70000000u
#define USER_COUNT 0x10000u

/* Sanitizers map terabytes of shadow memory. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LIMIT_MEMORY false
#else
#define LIMIT_MEMORY true
#endif

#if defined(__SANITIZE_ADDRESS__)
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

/* Leaks are found by tracing, which is refused; a job ends without freeing anything anyway. */
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

static int write_text(const char *path, const char *text)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    size_t size = strlen(text);
    return fd >= 0 && write(fd, text, size) == (ssize_t)size ? 0 : -1;
}

/* In a user namespace of its own, everybody stays who they are. */
static int map_ids(uid_t user, gid_t group)
{
    cleanup_free char *users = xasprintf("%u %u 1", user, user);
    cleanup_free char *groups = xasprintf("%u %u 1", group, group);
    if (write_text("/proc/self/setgroups", "deny") < 0 || write_text("/proc/self/uid_map", users) < 0 ||
        write_text("/proc/self/gid_map", groups) < 0)
        return -1;
    return 0;
}

void confine_children(struct confinement *confinement)
{
    uid_t user = geteuid();
    gid_t group = getegid();
    setpriority(PRIO_PROCESS, 0, NICENESS);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    confinement->own_pids = unshare(CLONE_NEWPID) == 0;
    if (!confinement->own_pids && unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0)
        confinement->own_users = confinement->own_pids = true;
    confinement->pids_errnum = confinement->own_pids ? 0 : errno;
    if (confinement->own_users && map_ids(user, group) < 0)
        lacks_add(confinement->lacks, "a user namespace of its own", errno);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

/* A mount of its own, so that it can be another than what is around it. */
static void mount_writable(struct confinement *confinement)
{
    if (confinement->writable && mount(confinement->writable, confinement->writable, NULL, MS_BIND, NULL) < 0)
        lacks_add(confinement->lacks, "the folder that may be written to", errno);
}

static void keep_writable(struct confinement *confinement)
{
    struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
    if (confinement->writable &&
        mount_setattr(AT_FDCWD, confinement->writable, 0, &attributes, sizeof(attributes)) < 0)
        lacks_add(confinement->lacks, "the folder that may be written to", errno);
}

/* Mounts come and go with those of the machine, so that nobody has to wait for a job to unmount something. */
static void make_read_only(struct confinement *confinement)
{
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0) {
        confinement->mounts_errnum = errno;
        return;
    }
    if (confinement->own_pids && mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
        lacks_add(confinement->lacks, "a /proc of its own", errno);
    mount_writable(confinement);
    if (mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attributes, sizeof(attributes)) < 0)
        confinement->mounts_errnum = errno;
    keep_writable(confinement);
}

static void limit(__rlimit_resource_t resource, uint64_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
        most = now.rlim_max;
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    setrlimit(resource, &limit);
}

static void set_limits(const struct confinement *confinement)
{
    write_text("/proc/self/oom_score_adj", "1000"); /* before the daemon, when memory runs out */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, confinement->writable ? WRITTEN_MAX : 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    limit(RLIMIT_NOFILE, FILES_MAX);
    if (LIMIT_MEMORY)
        limit(RLIMIT_AS, MEMORY_MAX);
}

/* Keeps the one privilege `capability` (-1: none), also for programs that are run. */
static int keep_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (capability >= 0)
        data[0].effective = data[0].permitted = data[0].inheritable = 1u << capability;
    if (syscall(SYS_capset, &header, data) < 0)
        return -1;
    return capability < 0 ? 0 : prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

static bool has_capability(int capability)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    return syscall(SYS_capget, &header, data) == 0 && data[0].permitted & (1u << capability);
}

/* A user who owns nothing. Reading is kept, for a function's folder may be anybody's: root without that stays
 * who it is. */
static int become_nobody(void)
{
    if (!has_capability(CAP_DAC_READ_SEARCH)) {
        errno = EPERM;
        return -1;
    }
    id_t id = USER_FIRST + (uint32_t)getpid() % USER_COUNT;
    prctl(PR_SET_KEEPCAPS, 1);
    if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        return -1;
    return keep_capability(CAP_DAC_READ_SEARCH);
}

/* Whose tasks the kernel counts together with the job's: those of its user, where it is not the only one. */
static size_t count_others(const struct confinement *confinement)
{
    return confinement->own_users || geteuid() == 0 ? 0 : tasks_of_user(geteuid());
}

static void drop_privileges(struct confinement *confinement, size_t others)
{
    bool is_root = geteuid() == 0 && !confinement->own_users;
    bool alone = confinement->own_users || (is_root && become_nobody() == 0);
    if (is_root && !alone)
        lacks_add(confinement->lacks, "a user without privileges", errno);
    if ((!is_root || !alone) && keep_capability(-1) < 0)
        lacks_add(confinement->lacks, "dropping privileges", errno);
    if (alone || others > 0)
        limit(RLIMIT_NPROC, others + PROCESSES_MAX);
    else
        lacks_add(confinement->lacks, "a limit on processes", EPERM);
}

/* Of what namespaces do, rules and filter do the same in another way. */
static void tell_lacks(const struct confinement *confinement, bool has_both)
{
    if (!has_both && confinement->pids_errnum != 0)
        lacks_add(confinement->lacks, "process ids of its own", confinement->pids_errnum);
    if (!has_both && confinement->mounts_errnum != 0)
        lacks_add(confinement->lacks, "a read-only view of the file systems", confinement->mounts_errnum);
}

void confine_self(struct confinement *confinement, const int *readable, size_t count)
{
    bool shares_pids = !confinement->own_pids;
    size_t others = count_others(confinement);
    setsid();
    set_limits(confinement);
    make_read_only(confinement);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    cleanup_close int writable = confinement->writable ? open(confinement->writable, O_PATH | O_CLOEXEC) : -1;
    bool has_rules = file_rules_apply(confinement->lacks, readable, count, writable, shares_pids);
    drop_privileges(confinement, others);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user forgets it */
    bool has_filter = syscall_filter_apply(confinement->lacks, shares_pids);
    tell_lacks(confinement, has_rules && has_filter);
}
