/* The containers that the played engine has, whatever daemon there is. */
#ifndef SIM_CONTAINERS_H
#define SIM_CONTAINERS_H

#include "fleet/engine/engine.h"
#include "runners.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

enum container_stage { CONTAINER_MADE, CONTAINER_RUNS, CONTAINER_ENDED };

struct played_container {
    TAILQ_ENTRY(played_container) link;
    unsigned number; /* from 1; its id is "c<number>", its address 10.0.0.0 plus it */
    char id[16];
    char *name;
    char instance[INSTANCE_ID_DIGITS + 1];
    enum container_stage stage;
    int exit_code;
    bool oom_killed;
    struct runner_place place; /* texts are its own */
    struct runner *runner; /* while it runs */
    unsigned requests; /* that clients have under way in it */
};

/* Told of each end of a container; `signalled`: somebody has had the engine send it a signal. */
typedef void containers_ended_fn(const struct played_container *container, bool signalled);

void containers_begin(containers_ended_fn *ended);

/* By id or name; by the instance that it stands for. NULL: there is none. */
struct played_container *containers_find(const char *id);
struct played_container *containers_find_instance(uint64_t instance);

/* The newest that runs of those that a daemon knows by this number, and the next older one; NULL: no more. */
struct played_container *containers_first(void);
struct played_container *containers_next(const struct played_container *container);

unsigned containers_count(void);

/* NULL: the name is taken. */
struct played_container *containers_make(const struct container_spec *spec,
                                         const struct container_place *place);

void containers_start(struct played_container *container);

/* Its process ends. Nothing when there is none. */
void containers_end(struct played_container *container, int exit_code, bool oom_killed, bool signalled);

/* It goes, whatever it does. */
void containers_drop(struct played_container *container);

#endif
