/*
 * A link: how the connections between the host and one instance's runner come to be, and the function that is
 * loaded over the first of them. Connections are kept here until they become slots. An interface: dial.h is
 * the one where the runner dials a socket of the host; another may connect to a port of the container.
 * Control thread.
 *
 *     open (dial_open) ─► link_listen ─► hooks.reached ─► link_load ─► hooks.loaded ─► link_take, link_take,
 * ... then hooks.connection
 */
#ifndef FLEET_LINK_LINK_H
#define FLEET_LINK_LINK_H

#include "base/error.h"
#include "fleet/link/handshake.h"

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct link;

/* All from the event loop. */
struct link_hooks {
    /* The runner is there, and waits for its function. Once. */
    void (*reached)(void *owner);
    /* link_load() is through; see handshake_done_fn. */
    void (*loaded)(void *owner, const struct error *err, const char *traceback);
    /* There is one more connection, after link_take() has given all that were there; the callee owns the fd,
     * which is non-blocking and close-on-exec. */
    void (*connection)(void *owner, int fd);
};

/* What a kind of link does. */
struct link_kind {
    /* "NAME=value" of the environment: how the runner finds the host. NULL: it is found. */
    const char *variable;
    /* The folder that the container needs for it, absolute. NULL: none. Owned by the link. */
    const char *(*dir)(const struct link *link);
    /* Takes connections from now on: the container that they are to come from is there. Once. */
    int (*listen)(struct link *link, struct error *err);
    /* Takes no more, and frees what the kind keeps, the link included. */
    void (*close)(struct link *link);
};

/* What is every link's. What a kind keeps of its own begins with this. */
struct link {
    const struct link_kind *kind;
    struct event_base *base;
    struct link_hooks hooks;
    void *owner;
    pid_t process; /* of this host, that has connected first; 0: not known */
    int first; /* the connection that the function is loaded over; -1: none, or taken */
    int *more; /* those that came while it was */
    unsigned more_count, more_taken;
    unsigned slots; /* how many connections there may be; 0: no function is known yet */
    struct handshake *handshake;
    bool reached, handed_over, dropped;
};

/* --- for who uses it --- */

/* What `kind` says of it. */
const char *link_dir(const struct link *link);
const char *link_variable(const struct link *link);
int link_listen(struct link *link, struct error *err);

/* Sends init, with these settings, over the first connection; up to `slots` connections are kept from now on.
 * After hooks.reached, once; hooks.loaded follows. */
void link_load(struct link *link, const char *settings, unsigned slots);

/* Gives the next of the connections that are kept, the first one first; -1: there is none, and those to come
 * go to hooks.connection. */
int link_take(struct link *link);

/* The process that has connected first, as this host numbers it; 0: it is not known. */
pid_t link_process(const struct link *link);

/* How many connections are kept. */
unsigned link_count(const struct link *link);

/* Asks over a connection that was taken whether the runner still works; see handshake_ask(). */
struct handshake *link_ask(const struct link *link, int fd, const char *settings, handshake_told_fn *told,
                           void *owner);

/* Closes the connections that are kept, ends loading silently, and hangs up on whoever comes. */
void link_drop(struct link *link);

/* The end. NULL is fine. */
void link_close(struct link *link);

/* --- for what implements it --- */

void link_init(struct link *link, const struct link_kind *kind, struct event_base *base,
               const struct link_hooks *hooks, void *owner);

/* A runner has connected; `fd` is the link's. While a connection lives, no other takes its place: what there
 * is no slot for is closed. */
void link_connected(struct link *link, int fd);

/* Closes what is kept, before the kind frees the link. */
void link_clear(struct link *link);

#endif
