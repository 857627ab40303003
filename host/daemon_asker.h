/* Who has connected to ask for the daemon's place, and what they say. Control thread. */
#ifndef DAEMON_ASKER_H
#define DAEMON_ASKER_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

struct asker;
struct event_base;
struct takeover_channel;
struct takeover_peer;

struct asker_hooks {
    /* It asks, by this protocol. At any time, and more than once. */
    void (*asked)(void *context, struct asker *asker, uint64_t protocol);
    /* It says that it serves. */
    void (*serving)(void *context, struct asker *asker);
    /* It has gone; it is still there to be dropped, which is for whoever is told. */
    void (*gone)(void *context, struct asker *asker);
    void *context;
};

struct asker {
    TAILQ_ENTRY(asker) link;
    struct askers *all;
    struct takeover_channel *channel;
    pid_t pid;
    int pidfd; /* -1: nobody knows */
    char version[64]; /* once it has asked */
};

struct askers {
    struct event_base *base;
    struct asker_hooks hooks;
    TAILQ_HEAD(, asker) list;
};

void askers_init(struct askers *askers, struct event_base *base, const struct asker_hooks *hooks);
void askers_clear(struct askers *askers);

/* Somebody has connected; for takeover_server_create(), with the askers as the context. */
void askers_add(void *context, const struct takeover_peer *peer);

/* Tells it why not, and drops it once it has been told. */
void asker_refuse(struct asker *asker, const struct error *why);

/* Hangs up. */
void asker_drop(struct asker *asker);

/* Sends its process a signal; false: nobody knows which that is, or it has ended. */
bool asker_signal(const struct asker *asker, int number);

#endif
