#include "takeover/wire.h"

#include "base/cleanup.h"
#include "base/unix_socket.h"

#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 16

/* Room for many messages: each is small, and a daemon may pass on ten thousand clients at once. */
#define SEND_BYTES (4 << 20)

int wire_send(int socket, const struct wire_message *message)
{
    alignas(struct cmsghdr) char control[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))] = {0};
    struct iovec text = {.iov_base = message->text, .iov_len = message->size};
    struct msghdr header = {.msg_iov = &text, .msg_iovlen = 1};
    size_t size = message->fd_count * sizeof(int);
    if (size > 0) {
        header.msg_control = control;
        header.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *first = CMSG_FIRSTHDR(&header);
        first->cmsg_level = SOL_SOCKET;
        first->cmsg_type = SCM_RIGHTS;
        first->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(first), message->fds, size);
    }
    ssize_t sent;
    do
        sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

static void take_fds(struct msghdr *header, struct wire_message *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part; part = CMSG_NXTHDR(header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t size = part->cmsg_len - CMSG_LEN(0);
        memcpy(message->fds + message->fd_count, CMSG_DATA(part), size);
        message->fd_count += size / sizeof(int);
    }
}

int wire_receive(int socket, char *text, struct wire_message *ret_message)
{
    alignas(struct cmsghdr) char control[CMSG_SPACE(WIRE_FDS_MAX * sizeof(int))];
    struct iovec room = {.iov_base = text, .iov_len = WIRE_TEXT_MAX};
    struct msghdr header = {
        .msg_iov = &room, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t size;
    do
        size = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -1;
    struct wire_message message = {.text = text, .size = (size_t)size};
    take_fds(&header, &message);
    if (size == 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
        wire_close_fds(&message);
        errno = size == 0 ? ECONNRESET : EMSGSIZE;
        return -1;
    }
    text[size] = '\0';
    *ret_message = message;
    return 0;
}

void wire_close_fds(struct wire_message *message)
{
    for (size_t i = 0; i < message->fd_count; i++) {
        if (message->fds[i] >= 0)
            close(message->fds[i]);
    }
    message->fd_count = 0;
}

static int make_socket(int *ret_fd, struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, COMPONENT_TAKEOVER, errno, "cannot make a socket");
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int));
    *ret_fd = fd;
    return 0;
}

int wire_listen(const char *path, int *ret_fd, struct error *err)
{
    struct sockaddr_un address;
    cleanup_close int fd = -1;
    if (unix_socket_address(path, COMPONENT_TAKEOVER, &address, err) < 0 || make_socket(&fd, err) < 0)
        return -1;
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0600) < 0 ||
        listen(fd, BACKLOG) < 0)
        return error_errno(err, COMPONENT_TAKEOVER, errno, "cannot listen at %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

int wire_connect(const char *path, int *ret_fd, struct error *err)
{
    struct sockaddr_un address;
    cleanup_close int fd = -1;
    if (unix_socket_address(path, COMPONENT_TAKEOVER, &address, err) < 0 || make_socket(&fd, err) < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        int code = errno;
        error_errno(err, COMPONENT_TAKEOVER, code, "cannot reach a daemon at %s", path);
        error_hint(err, "Is one running, with this run directory, as this user? Start without --takeover "
                        "where there is none to take the place of.");
        errno = code;
        return -1;
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

int wire_find_peer(int socket, struct ucred *ret_peer)
{
    socklen_t size = sizeof(*ret_peer);
    *ret_peer = (struct ucred){.uid = (uid_t)-1};
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, ret_peer, &size) < 0)
        return -1;
    return pidfd_open(ret_peer->pid, 0);
}
