/*
 * Doors, each served by one worker: see routing/door.h. What listens there was made in a container, and whom
 * it lets in is that container's business; so what comes in by a door counts for its own door only. It takes
 * up no place of max_connections, for a request that holds one may wait for what is called here.
 *
 * The door of calls, by which those that were accepted are delivered, is served by all workers: each has a
 * door of its own on a duplicate of the one socket that listens.
 */
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include "base/mailbox.h"
#include "gateway/client.h"
#include "routing/door.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

struct worker;

struct door {
    struct entrance entrance;
    char *function; /* what the entrance has; NULL: it is that of calls */
    struct worker *worker;
    TAILQ_ENTRY(door) link; /* all of the worker */
    int fd;
    struct event listener;
    struct timer again; /* after a pause for want of room, descriptors or memory */
    uint64_t told_ms; /* when it was logged that it could not; 0: never */
    struct mail open_mail, close_mail;
    TAILQ_ENTRY(door) open_link; /* in the gateway's list of those that are open; control thread */
};

/* Has the worker serve it. Control thread. */
struct door *door_open(struct worker *worker, const struct door_spec *spec);

/* The same for the door of calls: `fd`, which listens and is non-blocking, is taken over. It ends with the
 * worker. */
void door_open_calls(struct worker *worker, int fd);

/* Lets nobody in any more by the door of calls. Worker's thread. */
void doors_stop_calls(struct worker *worker);

/* Lets nobody in any more by any door: who wants in waits for whoever else listens there. Worker's thread. */
void doors_stop(struct worker *worker);

/* Has the worker close and free it. Control thread. */
void door_close(struct door *door);

/* Its socket. Control thread, before door_close(). */
int door_listener(const struct door *door);

/* Frees those that are left. Control thread, after the worker has ended and its clients are closed. */
void doors_clear(struct worker *worker);

#endif
