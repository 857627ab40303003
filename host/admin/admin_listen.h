/* Where the management API is reached: a TCP address and a unix socket. Control thread. */
#ifndef ADMIN_ADMIN_LISTEN_H
#define ADMIN_ADMIN_LISTEN_H

#include "base/error.h"

#include <event2/http.h>
#include <stdbool.h>

struct descriptors;
struct evconnlistener;
struct event_base;

/* Where the server listens. */
struct admin_listener {
    struct evconnlistener *listener; /* the server's */
    struct evhttp_bound_socket *bound; /* what the server calls it */
    int fd; /* the same */
    bool is_given; /* somebody else has opened it */
};

/* Binds to "ADDRESS:PORT", an IPv6 address in brackets, unless one of `given` (NULL: none) listens there.
 * *ret_address, which the caller frees, is the same with the port that it got. */
int admin_listen_tcp(struct evhttp *http, const char *address, struct descriptors *given,
                     struct admin_listener *ret_listener, char **ret_address, struct error *err);

/* Binds to a unix socket at `path` that only its owner may use, in the place of one that was left there,
 * unless that one is given. */
int admin_listen_unix(struct event_base *base, struct evhttp *http, const char *path,
                      struct descriptors *given, struct admin_listener *ret_listener, struct error *err);

#endif
