/*
 * Messages between a daemon and the one that takes its place: a text and descriptors each, over a unix socket
 * that keeps messages apart. Any thread.
 */
#ifndef TAKEOVER_WIRE_H
#define TAKEOVER_WIRE_H

#include "base/error.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#define WIRE_TEXT_MAX 65536 /* bytes of a message's text, less its NUL */
#define WIRE_FDS_MAX  128

struct wire_message {
    char *text; /* `size` bytes, borrowed or owned as is said */
    size_t size;
    int fds[WIRE_FDS_MAX];
    size_t fd_count;
};

/* Sends a message, whose descriptors stay the caller's. -1 with errno: EAGAIN when there is no room. */
int wire_send(int socket, const struct wire_message *message);

/* Receives one into `text`, which takes WIRE_TEXT_MAX + 1 bytes; the descriptors are the caller's. -1 with
 * errno: EAGAIN when there is none, ECONNRESET when none will come, EMSGSIZE when it was cut. */
int wire_receive(int socket, char *text, struct wire_message *ret_message);

/* Closes the descriptors that are left. */
void wire_close_fds(struct wire_message *message);

/* Makes a socket that listens at `path` for the daemon's own user, in the place of another, or connects to
 * it; errno is ECONNREFUSED when the one that listened there has died. The caller owns *ret_fd, which does
 * not block. */
int wire_listen(const char *path, int *ret_fd, struct error *err);
int wire_connect(const char *path, int *ret_fd, struct error *err);

/* The process that listens, or has connected, at the other end, as a pidfd that is the caller's; with its
 * user. -1: it has gone, or nobody knows. */
int wire_find_peer(int socket, struct ucred *ret_peer);

#endif
