#include "privileges.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SCORE "-500" /* functions have 600: docker_container.c */

/* What root uses here: files of the users that functions and builders run as; build jobs that are walled in
 * and run as nobody; their end; ports below 1024; limits and the score; rules of the firewall; folders in
 * memory. */
static const int needed[] = {
    CAP_CHOWN,    CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,           CAP_FSETID,       CAP_KILL,
    CAP_SETGID,   CAP_SETUID,       CAP_SETPCAP,         CAP_NET_BIND_SERVICE, CAP_NET_ADMIN,    CAP_NET_RAW,
    CAP_IPC_LOCK, CAP_SYS_CHROOT,   CAP_SYS_PTRACE,      CAP_SYS_ADMIN,        CAP_SYS_RESOURCE,
};

static bool is_needed(int capability)
{
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        if (needed[i] == capability)
            return true;
    return false;
}

/* Ends at the first that the kernel does not know. */
static void shed_bounding_set(void)
{
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        if (!is_needed(capability))
            prctl(PR_CAPBSET_DROP, capability);
}

static void shed_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    __u32 mask[_LINUX_CAPABILITY_U32S_3] = {0};
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++)
        mask[needed[i] / 32] |= 1u << (needed[i] % 32);
    if (syscall(SYS_capget, &header, data) < 0)
        return;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective &= mask[i];
        data[i].permitted &= mask[i];
        data[i].inheritable &= mask[i];
    }
    syscall(SYS_capset, &header, data);
}

/* One that somebody has chosen stays. */
static void go_last(void)
{
    char text[16] = "";
    cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strcmp(text, "0\n") == 0 &&
        write(fd, SCORE, strlen(SCORE)) < 0)
        return;
}

void privileges_shed(void)
{
    go_last();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    shed_bounding_set();
    shed_capabilities();
}
