#include "fleet/engine/init/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The socket by which the function calls others; -1 with errno: this network has no room for it. */
static int listen_inside(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(DOOR_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

static int connect_to_host(const struct sockaddr_un *address)
{
    int host = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return host >= 0 && connect(host, (const struct sockaddr *)address, sizeof(*address)) == 0 ? host : -1;
}

static bool hand_over(int host, int door, int errnum)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    unsigned char error_byte = door < 0 ? (unsigned char)errnum : 0;
    struct iovec part = {.iov_base = &error_byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (door >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &door, sizeof(door));
    }
    return sendmsg(host, &message, MSG_NOSIGNAL) == 1;
}

int door_give(const char *neighbour)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *slash = strrchr(neighbour, '/');
    snprintf(address.sun_path, sizeof(address.sun_path), "%.*s" DOOR_SOCKET,
             slash ? (int)(slash + 1 - neighbour) : 0, neighbour);
    int door = listen_inside();
    int errnum = errno;
    int host = connect_to_host(&address);
    bool given = host >= 0 && hand_over(host, door, errnum);
    if (!given)
        fprintf(stderr, "cannot reach the host at %s: %s\n", address.sun_path, strerror(errno));
    if (host >= 0)
        close(host);
    if (door >= 0)
        close(door);
    return given ? 0 : -1;
}
