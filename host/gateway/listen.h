/* Listening sockets for ADDRESS:PORT. */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "base/error.h"

#define LISTEN_ADDRESS_MAX 64
#define LISTENERS_MAX      64

struct descriptors;

struct listeners {
    int fds[LISTENERS_MAX];
    unsigned count;
    unsigned given; /* so many of them, the first, have been opened by somebody else */
    char address[LISTEN_ADDRESS_MAX]; /* as bound */
};

/* Has `count` sockets listen at "127.0.0.1:8080", "[::]:8080" or "name:8080", `count` being LISTENERS_MAX at
 * most. Those of `given` (NULL: none) that do so already are taken, all of them, since clients may wait at
 * each; what is missing is bound beside them. When none is given, none else may have the port; port 0 takes a
 * free one, the same for all. Each has SO_REUSEPORT, unless who gave the first did without: then all are that
 * one. The caller owns the descriptors. */
int listeners_open(const char *address, struct descriptors *given, unsigned count,
                   struct listeners *ret_listeners, struct error *err);

/* Sets what the connections of a listening socket inherit. */
void listen_tune(int fd);

#endif
