#include "fleet/engine/init/door.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BUSY_TRIES   50 /* for a port that the door before may still have for a moment */
#define BUSY_WAIT_MS 10

/* The socket by which the function calls others; -1 with errno: this network has no room for it. */
static int listen_inside(void)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(DOOR_PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    /* Connections of the door before may still have to end. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    errno = errnum;
    return -1;
}

/* The host before is about to have gone, with its door. */
static int listen_anew(void)
{
    int fd = listen_inside();
    for (int tries = 0; fd < 0 && errno == EADDRINUSE && tries < BUSY_TRIES; tries++) {
        poll(NULL, 0, BUSY_WAIT_MS);
        fd = listen_inside();
    }
    return fd;
}

static void find_host(const char *neighbour, struct sockaddr_un *ret_address)
{
    const char *slash = strrchr(neighbour, '/');
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "%.*s" DOOR_SOCKET,
             slash ? (int)(slash + 1 - neighbour) : 0, neighbour);
}

/* -1 with errno. */
static int connect_to_host(const struct sockaddr_un *address, int flags)
{
    int host = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (host < 0 || connect(host, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return host;
    int errnum = errno;
    close(host);
    errno = errnum;
    return -1;
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

int door_watch(const char *neighbour)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(neighbour, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - neighbour) : 1, slash ? neighbour : ".");
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && inotify_add_watch(fd, folder, IN_MOVED_TO) >= 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int door_give(const char *neighbour)
{
    struct sockaddr_un address;
    find_host(neighbour, &address);
    int door = listen_inside();
    int errnum = errno;
    int host = connect_to_host(&address, 0);
    bool given = host >= 0 && hand_over(host, door, errnum);
    if (!given)
        fprintf(stderr, "cannot reach the host at %s: %s\n", address.sun_path, strerror(errno));
    if (!given && host >= 0)
        close(host);
    if (door >= 0)
        close(door);
    return given ? host : -1;
}

int door_give_again(const char *neighbour)
{
    struct sockaddr_un address;
    find_host(neighbour, &address);
    int host = connect_to_host(&address, SOCK_NONBLOCK);
    if (host < 0)
        return -1;
    int door = listen_anew();
    bool given = hand_over(host, door, errno);
    if (door >= 0)
        close(door);
    if (given)
        return host;
    close(host);
    return -1;
}
