/*
 * A link: how the connections between the host and one instance's runner come to be, and the function that is
 * loaded over the first of them. Connections are kept here until they become slots. An interface: with dial.h
 * the runner dials a socket of the host, with tcp.h the container waits for connections. Control thread.
 *
 *     dial_open ─► link_listen ──────────────► hooks.reached ─► link_load ─► hooks.loaded ─► link_take, ...
 * then hooks.connection tcp_open ──► link_listen ─► link_reach ─► hooks.reached ─► link_load ─► hooks.loaded
 * ─► link_address
 *
 * Between hooks.reached and link_load() may be link_prewarm() ─► hooks.prewarmed.
 */
#ifndef FLEET_LINK_LINK_H
#define FLEET_LINK_LINK_H

#include "base/error.h"
#include "fleet/link/handshake.h"
#include "routing/slot_pool.h"

#include <stdbool.h>
#include <sys/types.h>

struct event_base;
struct link;

/* What is known of the link of an instance that an earlier daemon has started. */
struct link_past {
    bool loaded; /* the runner has its function: all its connections are for requests */
    unsigned slots; /* then: how many there may be */
    const char *address; /* of a server that waits for connections */
    pid_t process; /* link_process() */
    uid_t user; /* link_user() */
};

/* All from the event loop. */
struct link_hooks {
    /* The runner is there, and waits for its function. Once. */
    void (*reached)(void *owner);
    /* link_prewarm() is through; link_load() is. See handshake_done_fn. */
    void (*prewarmed)(void *owner, const struct error *err, const char *text);
    void (*loaded)(void *owner, const struct error *err, const char *text);
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
    /* Goes on with what is there, once link.h has taken it over. */
    int (*resume)(struct link *link, const struct link_past *past, struct error *err);
    /* What runners dial. NULL: nothing. */
    int (*listener)(const struct link *link);
    /* Of a link whose container waits for connections, else NULL: begins to try whether its server is there,
     * at this address; has the hook `loaded` called from the event loop, since there is nothing to be loaded;
     * where slots are connected to; what the last attempt to reach the server came to, as link_describe()
     * has it; ends all that is under way. */
    int (*reach)(struct link *link, const char *address, struct error *err);
    void (*load)(struct link *link);
    const struct slot_address *(*address)(const struct link *link);
    const char *(*describe)(const struct link *link, char *text, size_t size);
    void (*drop)(struct link *link);
    /* Takes no more, and frees what the kind keeps, the link included. */
    void (*close)(struct link *link);
};

/* What is every link's. What a kind keeps of its own begins with this. */
struct link {
    const struct link_kind *kind;
    struct event_base *base;
    struct link_hooks hooks;
    void *owner;
    pid_t process; /* of this host: that has connected first, or the container's first; 0: not known */
    uid_t user; /* who has connected first, and alone may; (uid_t)-1: nobody yet */
    int first; /* the connection that the function is loaded over; -1: none, or taken */
    int *more; /* those that came while it was */
    unsigned more_count, more_taken;
    unsigned slots; /* how many connections there may be; 0: no function is known yet */
    struct handshake *handshake;
    bool reached, handed_over, dropped;
    bool stays; /* its folder does */
};

/* --- for who uses it --- */

/* What `kind` says of it. */
const char *link_dir(const struct link *link);
const char *link_variable(const struct link *link);
int link_listen(struct link *link, struct error *err);

/* True when the container waits for connections: link_reach() is called once it is started, and link_take()
 * gives none. */
bool link_is_reached_out(const struct link *link);

/* Tries to reach the server at this address until it is there: hooks.reached follows, or nothing does.
 * `process` is the container's first, as this host numbers it. */
int link_reach(struct link *link, const char *address, pid_t process, struct error *err);

/* Where such a link's slots are connected to; NULL: connections come from link_take(). The link's. */
const struct slot_address *link_address(const struct link *link);

/* What keeps the server from being reached, as far as that is known: "" or "GET /ready was answered 503".
 * What to do about it: a constant, or NULL when nobody knows. */
const char *link_describe(const struct link *link, char *text, size_t size);

/* Has a runner that dials load libraries before its function is known, with these settings: hooks.prewarmed
 * follows. After hooks.reached, once. */
void link_prewarm(struct link *link, const char *settings);

/* Sends init, with these settings, over the first connection; up to `slots` connections are kept from now on.
 * After hooks.reached, once; hooks.loaded follows. */
void link_load(struct link *link, const char *settings, unsigned slots);

/* Gives the next of the connections that are kept, the first one first; -1: there is none, and those to come
 * go to hooks.connection. */
int link_take(struct link *link);

/* Goes on where an earlier daemon was, in the place of all that leads to it: a runner dials anew and gives
 * hooks.reached, or when its function is loaded connections; a server's address is there at once. -1: not
 * with what is known. */
int link_resume(struct link *link, const struct link_past *past, struct error *err);

/* A process of the container, as this host numbers it; 0: it is not known. */
pid_t link_process(const struct link *link);

/* Whose connections are taken, once there was one; (uid_t)-1: nobody can tell. */
uid_t link_user(const struct link *link);

/* What runners dial; -1: nothing. The link's. */
int link_listener(const struct link *link);

/* How many connections are kept. */
unsigned link_count(const struct link *link);

/* Asks over a connection that was taken whether the runner still works; see handshake_ask(). */
struct handshake *link_ask(const struct link *link, int fd, const char *settings, handshake_told_fn *told,
                           void *owner);

/* Closes the connections that are kept, ends loading silently, and hangs up on whoever comes. */
void link_drop(struct link *link);

/* The end. NULL is fine. */
void link_close(struct link *link);

/* The end of this daemon's part: the folder stays, for the next one. */
void link_leave(struct link *link);

/* --- for what implements it --- */

void link_init(struct link *link, const struct link_kind *kind, struct event_base *base,
               const struct link_hooks *hooks, void *owner);

/* A runner has connected; `fd` is the link's. While a connection lives, no other takes its place: what there
 * is no slot for is closed. */
void link_connected(struct link *link, int fd);

/* The server of the container is there. */
void link_reached(struct link *link);

/* Makes the folder that the container needs for the link, whatever the umask: it is the container's user that
 * has to get into it; removes it with what is in it. */
int link_make_dir(const char *path, struct error *err);
void link_remove_dir(const struct link *link, const char *path);

/* Closes what is kept, before the kind frees the link. */
void link_clear(struct link *link);

#endif
