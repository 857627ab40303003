/* Where the management API is reached: a TCP address and a unix socket. Control thread. */
#ifndef ADMIN_ADMIN_LISTEN_H
#define ADMIN_ADMIN_LISTEN_H

#include "base/error.h"

#include <event2/http.h>

struct event_base;

/* Binds to "ADDRESS:PORT", an IPv6 address in brackets. *ret_address, which the caller frees, is the same
 * with the port that it got. */
int admin_listen_tcp(struct evhttp *http, const char *address, char **ret_address, struct error *err);

/* Binds to a unix socket at `path` that only its owner may use, in the place of one that was left there. */
int admin_listen_unix(struct event_base *base, struct evhttp *http, const char *path, struct error *err);

#endif
