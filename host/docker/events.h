/*
 * The engine's event stream, as far as it is about containers and networks. See docker.h for how calls,
 * results and errors work.
 *
 * To lose nothing: follow, and list the containers once `opened` was called; after `done` follow again and
 * list again.
 */
#ifndef DOCKER_EVENTS_H
#define DOCKER_EVENTS_H

#include "docker/docker.h"

#include <stdint.h>

struct docker_event {
    const char *type; /* of what: "container", "network" */
    const char *action; /* "create", "start", "die", "oom", "kill", "stop", "destroy", "rename", ... */
    const char *id; /* the container's or network's */
    const char *name; /* likewise */
    int exit_code; /* of "die"; else -1 */
    int64_t time_ns; /* Unix time */
    const struct docker_labels *attributes; /* the container's labels among others */
};

struct docker_events_callbacks {
    void (*opened)(void *owner); /* the engine reports from now on; may be NULL */
    void (*event)(void *owner, const struct docker_event *event);
    docker_done_fn *done; /* the stream ended: always with an error, for it never ends by itself */
};

/* Follows events of containers that carry all of `labels` ("name" or "name=value", ended by NULL; NULL: all
 * containers). `since_ns` replays what the engine still remembers from that Unix time on (about the last 250
 * events); 0: nothing. No time limit. */
struct docker_call *docker_events_follow(struct docker *docker, const char *const *labels, int64_t since_ns,
                                         const struct docker_events_callbacks *callbacks, void *owner);

/* Follows what changes how the engine's networks and published ports are: starts and ends of any container,
 * and networks that come and go. As above. */
struct docker_call *docker_events_follow_networks(struct docker *docker,
                                                  const struct docker_events_callbacks *callbacks,
                                                  void *owner);

#endif
