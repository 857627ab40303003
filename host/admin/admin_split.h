/*
 * What comes in at the management port for a function, /function/NAME, goes to a worker of the gateway, whole
 * and unread: there its body and its answer are streamed, whatever the method. The first bytes of each
 * connection say where it belongs; the management API answers a connection once, so that there are no later
 * ones. /async-function/NAME and /async/ID go the same way. Control thread.
 */
#ifndef ADMIN_ADMIN_SPLIT_H
#define ADMIN_ADMIN_SPLIT_H

#include <event2/http.h>
#include <stdbool.h>

struct admin_split;
struct gateway;

/* From now on the connections of `http`, made on `base`, are looked at. `checked`: see
 * gateway_take_connection(). */
struct admin_split *admin_split_create(struct event_base *base, struct evhttp *http, struct gateway *gateway,
                                       bool checked);

/* Before `http` is freed. NULL is fine. */
void admin_split_destroy(struct admin_split *split);

#endif
