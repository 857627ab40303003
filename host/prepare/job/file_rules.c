#include "prepare/job/file_rules.h"

#include "base/cleanup.h"
#include "prepare/job/lacks.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What newer kernels can than the headers that this is built with. */
#define ACCESS_TRUNCATE  (1ull << 14)
#define ACCESS_IOCTL_DEV (1ull << 15)
#define NET_TCP          (3ull << 0) /* bind and connect */
#define SCOPE_OUTSIDE    (3ull << 0) /* abstract sockets and signals */

#define ACCESS_FIRST     ((1ull << 13) - 1) /* everything of the first version */
#define ACCESS_READ_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define ACCESS_READ      (ACCESS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_DEVICE    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

#define COUNT(array)     (sizeof(array) / sizeof(*(array)))

/* Members that a kernel does not know must be left out of the size. */
struct ruleset {
    uint64_t files, net, scoped;
};

static const char *const system_paths[] = {
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/etc/alternatives",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/sys/devices/system/cpu",
};

/* Of a /proc that shows everybody's processes. */
static const char *const machine_paths[] = {
    "/proc/self",   "/proc/cpuinfo", "/proc/filesystems", "/proc/loadavg", "/proc/meminfo",
    "/proc/uptime", "/proc/stat",    "/proc/sys",         "/proc/version",
};

static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};

static int create_ruleset(long version)
{
    struct ruleset ruleset = {.files = ACCESS_FIRST};
    size_t size = sizeof(ruleset.files);
    if (version >= 2)
        ruleset.files |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        ruleset.files |= ACCESS_TRUNCATE;
    if (version >= 5)
        ruleset.files |= ACCESS_IOCTL_DEV;
    if (version >= 4) {
        ruleset.net = NET_TCP;
        size += sizeof(ruleset.net);
    }
    if (version >= 6) {
        ruleset.scoped = SCOPE_OUTSIDE;
        size += sizeof(ruleset.scoped);
    }
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

/* What is not there needs no rule. */
static void allow(int ruleset, int fd, uint64_t access)
{
    struct stat status;
    if (fd < 0 || fstat(fd, &status) < 0)
        return;
    if (!S_ISDIR(status.st_mode))
        access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
    const struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

static void allow_path(int ruleset, const char *path, uint64_t access)
{
    cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
    allow(ruleset, fd, access);
}

static void allow_paths(int ruleset, const char *const *paths, size_t count, uint64_t access)
{
    for (size_t i = 0; i < count; i++)
        allow_path(ruleset, paths[i], access);
}

static bool refuse(json_t *lacks)
{
    lacks_add(lacks, "rules on the files it may read (Landlock)", errno);
    return false;
}

bool file_rules_apply(json_t *lacks, const int *readable, size_t count, int writable, bool shares_pids)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    cleanup_close int ruleset = version < 0 ? -1 : create_ruleset(version);
    if (ruleset < 0)
        return refuse(lacks);
    allow_paths(ruleset, system_paths, COUNT(system_paths), ACCESS_READ);
    allow_paths(ruleset, devices, COUNT(devices), ACCESS_DEVICE);
    if (shares_pids)
        allow_paths(ruleset, machine_paths, COUNT(machine_paths), ACCESS_READ);
    else
        allow_path(ruleset, "/proc", ACCESS_READ);
    for (size_t i = 0; i < count; i++)
        allow(ruleset, readable[i], ACCESS_READ);
    allow(ruleset, writable, ACCESS_FIRST);
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 || refuse(lacks);
}
