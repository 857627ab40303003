#include "notify.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define KEPT_MAX 64 /* descriptors at a time */

/* Where the manager listens. 0: there is none; else the size of the address. */
static socklen_t find_manager(struct sockaddr_un *ret_address)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
        return 0;
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') /* the abstract namespace */
        address.sun_path[0] = '\0';
    *ret_address = address;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
}

bool notify_manager_is_there(void)
{
    struct sockaddr_un unused;
    return find_manager(&unused) > 0;
}

static void send_state(const char *state, const int *fds, size_t count)
{
    struct sockaddr_un address;
    socklen_t size = find_manager(&address);
    cleanup_close int fd = size > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
    if (fd < 0)
        return;
    struct iovec text = {.iov_base = (void *)state, .iov_len = strlen(state)};
    struct msghdr message = {.msg_name = &address, .msg_namelen = size, .msg_iov = &text, .msg_iovlen = 1};
    alignas(struct cmsghdr) char control[CMSG_SPACE(KEPT_MAX * sizeof(int))] = {0};
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    (void)sent; /* a manager that does not listen is its own trouble */
}

void notify_manager(const char *state)
{
    send_state(state, NULL, 0);
}

void notify_manager_keep(const char *name, const int *fds, size_t count)
{
    cleanup_free char *state = xasprintf("FDSTORE=1\nFDNAME=%s", name);
    if (count > 0)
        send_state(state, fds, count < KEPT_MAX ? count : KEPT_MAX);
}

void notify_manager_forget(const char *name)
{
    cleanup_free char *state = xasprintf("FDSTOREREMOVE=1\nFDNAME=%s", name);
    send_state(state, NULL, 0);
}
