#include "firewall/firewall_process.h"

#include "base/child.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FD_COUNT   3 /* standard input, output and error */
#define END_MS     5000
#define NO_PROCESS ((struct firewall_process){.pidfd = -1})

/* Root's programs get what root has, others' what is ambient. */
static bool has_right(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    if (syscall(SYS_capget, &head, sets) < 0 ||
        !(sets[CAP_TO_INDEX(CAP_NET_ADMIN)].effective & CAP_TO_MASK(CAP_NET_ADMIN)))
        return false;
    return geteuid() == 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_ADMIN, 0, 0) == 1;
}

bool firewall_process_can(const char *interface)
{
    return has_right() && if_nametoindex(interface) != 0;
}

/* Out of the way of those that it becomes in the child. */
static int raised(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, FD_COUNT);
}

static int start_error(struct error *err, int errnum, const char *program)
{
    error_errno(err, COMPONENT_FIREWALL, errnum, "cannot start %s", program);
    err->code = ERROR_FIREWALL_UNAVAILABLE;
    return -1;
}

int firewall_process_start(const char *program, const char *table, struct firewall_process *ret_process,
                           int *ret_fd, struct error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return start_error(err, errno, program);
    cleanup_close int own = ends[0], input = raised(ends[1]), output = raised(STDERR_FILENO);
    close(ends[1]);
    if (input < 0 || output < 0 || fcntl(own, F_SETFL, O_NONBLOCK) < 0)
        return start_error(err, errno, program);
    const int fds[FD_COUNT] = {input, output, output};
    const struct child child = {.program = program,
                                .arguments = (const char *const[]){program, table, NULL},
                                .environment = environ,
                                .fds = fds,
                                .fd_count = FD_COUNT};
    int errnum = child_spawn(&child, &ret_process->pid, &ret_process->pidfd);
    if (errnum != 0)
        return start_error(err, errnum, program);
    *ret_fd = steal_fd(&own);
    return 0;
}

void firewall_process_end(struct firewall_process *process)
{
    if (process->pid == 0)
        return;
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    if (poll(&end, 1, END_MS) <= 0)
        kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(process->pidfd);
    *process = NO_PROCESS;
}
