#include "fleet/link/doorway.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/unix_socket.h"
#include "fleet/engine/init/door.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct doorway {
    const char *instance;
    struct doorway_hooks hooks;
    void *owner;
    struct event_base *base;
    char *path;
    bool is_again; /* only `process` is listened to */
    pid_t process; /* the first of the container; 0: not known yet */
    int fd; /* listens, then is connected to the first process; -1: there is neither */
    struct event *event;
};

/* Nothing more is listened to. The connection to the first process stays: it is told of this daemon's end by
 * that, and has nothing to say. */
static void be_quiet(struct doorway *doorway)
{
    if (doorway->event)
        event_free(doorway->event);
    doorway->event = NULL;
}

static void finish(struct doorway *doorway)
{
    be_quiet(doorway);
    if (doorway->fd >= 0)
        close(doorway->fd);
    doorway->fd = -1;
}

static void refuse(struct doorway *doorway, const char *why)
{
    log_warning("door.missing", LOG_STR("instance", doorway->instance), LOG_STR("error", why),
                LOG_STR("hint", "This instance cannot call other functions by " DOOR_VARIABLE "."));
    be_quiet(doorway);
}

/* --- what was handed over --- */

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof(value);
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

/* A stream socket that listens on the loopback address of its network. */
static bool is_door(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);
    return option_of(fd, SO_DOMAIN) == AF_INET && option_of(fd, SO_TYPE) == SOCK_STREAM &&
           option_of(fd, SO_PROTOCOL) == IPPROTO_TCP && option_of(fd, SO_ACCEPTCONN) == 1 &&
           getsockname(fd, (struct sockaddr *)&address, &size) == 0 && size == sizeof(address) &&
           address.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static int make_non_blocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* The one descriptor of a message; -1: there is none. The kernel closes what there is no room for. */
static int descriptor_of(struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    int fd;
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(fd)))
        return -1;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    return fd;
}

/* `fd` is the doorway's, whatever came with it. */
static void take(struct doorway *doorway, int fd, unsigned char error_byte)
{
    cleanup_close int door = fd;
    if (error_byte != 0) {
        refuse(doorway, strerror(error_byte));
        return;
    }
    if (door < 0 || !is_door(door) || make_non_blocking(door) < 0) {
        refuse(doorway, "what the container handed over is no socket that listens inside of it");
        return;
    }
    be_quiet(doorway);
    doorway->hooks.opened(doorway->owner, steal_fd(&door));
}

static void on_message(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct doorway *doorway = context;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    unsigned char error_byte = 0;
    struct iovec part = {.iov_base = &error_byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = CMSG_LEN(sizeof(int))}; /* for one, without padding */
    ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    take(doorway, size == 1 ? descriptor_of(&message) : -1, size == 1 ? error_byte : 0);
}

/* --- its life --- */

static void watch(struct doorway *doorway, event_callback_fn on_ready)
{
    doorway->event = event_new(doorway->base, doorway->fd, EV_READ | EV_PERSIST, on_ready, doorway);
    event_add(doorway->event, NULL);
}

/* Who has connected; 0: nobody can tell. */
static pid_t process_of(int connection)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

static void on_connection(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct doorway *doorway = context;
    int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    const char *why = connection < 0 ? strerror(errno) : NULL;
    pid_t process = connection < 0 ? 0 : process_of(connection);
    if (doorway->is_again && connection >= 0 && (process <= 0 || process != doorway->process)) {
        close(connection); /* a process of the function, in the place of the first one */
        return;
    }
    finish(doorway);
    unlink(doorway->path);
    if (connection < 0) {
        refuse(doorway, why);
        return;
    }
    doorway->process = process;
    doorway->fd = connection;
    watch(doorway, on_message);
}

int doorway_open(struct event_base *base, const char *dir, const char *instance,
                 const struct doorway_hooks *hooks, void *owner, struct doorway **ret_doorway,
                 struct error *err)
{
    struct doorway *doorway = xcalloc(1, sizeof(*doorway));
    *doorway =
        (struct doorway){.instance = instance, .hooks = *hooks, .owner = owner, .base = base, .fd = -1};
    doorway->path = xasprintf("%s/" DOOR_SOCKET, dir);
    if (unix_socket_bind(doorway->path, 0666, COMPONENT_FLEET, &doorway->fd, err) < 0) {
        doorway_close(doorway);
        return -1;
    }
    *ret_doorway = doorway;
    return 0;
}

int doorway_listen(struct doorway *doorway, struct error *err)
{
    if (listen(doorway->fd, 1) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot listen at %s", doorway->path);
    watch(doorway, on_connection);
    return 0;
}

int doorway_call(const char *dir, int *ret_fd, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" DOOR_SOCKET, dir);
    cleanup_free char *next = xasprintf("%s/" DOOR_SOCKET_NEW, dir);
    cleanup_close int fd = -1;
    unlink(next);
    if (unix_socket_bind(next, 0666, COMPONENT_FLEET, &fd, err) < 0)
        return -1;
    if (listen(fd, 1) < 0 || rename(next, path) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot listen at %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

struct doorway *doorway_reopen(struct event_base *base, const char *dir, const char *instance, pid_t process,
                               int fd, const struct doorway_hooks *hooks, void *owner)
{
    struct doorway *doorway = xcalloc(1, sizeof(*doorway));
    *doorway = (struct doorway){.instance = instance,
                                .hooks = *hooks,
                                .owner = owner,
                                .base = base,
                                .is_again = true,
                                .process = process,
                                .fd = fd};
    doorway->path = xasprintf("%s/" DOOR_SOCKET, dir);
    watch(doorway, on_connection);
    return doorway;
}

struct doorway *doorway_keep(const char *instance, pid_t process, int line)
{
    struct doorway *doorway = xcalloc(1, sizeof(*doorway));
    *doorway = (struct doorway){.instance = instance, .process = process, .fd = line};
    return doorway;
}

pid_t doorway_process(const struct doorway *doorway)
{
    return doorway->process;
}

int doorway_line(const struct doorway *doorway)
{
    return doorway->event ? -1 : doorway->fd;
}

void doorway_close(struct doorway *doorway)
{
    if (!doorway)
        return;
    finish(doorway);
    free(doorway->path);
    free(doorway);
}
