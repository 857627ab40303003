/* What every part of the fleet works with. Owned by the fleet, read by its parts; control thread only, except
 * `inbox`. */
#ifndef FLEET_FLEET_ENV_H
#define FLEET_FLEET_ENV_H

#include "base/error.h"
#include "base/mailbox.h"
#include "config/registry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct build_jobs;
struct dependency_installs;
struct dependency_store;
struct docker;
struct engine_queue;
struct image_prune;
struct loss_book;
struct package_store;
struct plugins;
struct prewarm;
struct runtime_images;

/* How much of the machine the instances may take together, and take now. */
struct fleet_budget {
    unsigned max_instances, instances;
    uint64_t max_memory_bytes, memory_bytes;
};

struct fleet_env {
    struct event_base *base;
    const struct host_settings *host;
    const char *owner_id;  /* the label berth.host of everything that is ours */
    const char *run_dir;   /* instance directories are made below it */
    const char *world_dir; /* what every container has of this host; see world.h */
    const char *network;   /* the bridge network of instances */
    struct docker *docker;
    struct engine_queue *queue; /* whose turn it is to ask Docker for something slow */
    struct build_jobs *jobs;
    struct plugins *plugins;
    struct package_store *packages;
    struct dependency_store *dependencies;
    struct dependency_installs *installs;
    struct runtime_images *images;
    struct image_prune *prune; /* the last, at work or through */
    struct prewarm *prewarm;
    struct loss_book *losses;
    struct mailbox inbox; /* how workers reach the fleet */
    struct fleet_budget budget;
    uint64_t engine_back_ms;     /* when it answered again; 0: it was never away */
    struct error engine_trouble; /* why Docker does not answer, once it did; of zeros: it does */
    unsigned drain_ms;           /* how long what is retired may finish its requests */
    unsigned trials_waiting;     /* new revisions that wait for room to load in; it is kept for them */
    bool short_of_room;          /* instances are wanted that the budget has no room for */
    struct event *room_wanted;   /* activated when that is so, so that others make room */
    struct event *room_freed;    /* activated when an instance is gone, so that others may start */
    uint64_t
        expected_start_ms; /* smoothed time from asking for a container to a loaded function; 0: not known */
};

#define LABEL_HOST         "berth.host"     /* owner's id */
#define LABEL_RUNTIME      "berth.runtime"  /* name of the runtime */
#define LABEL_INSTANCE     "berth.instance" /* instance id, 12 hexadecimal digits */

#define INSTANCE_ID_DIGITS 12

/* Docker does not answer: nothing can be started or removed, and what runs goes on serving. */
bool fleet_engine_is_away(const struct fleet_env *env);

/* Docker is away, or has come back so lately that it may just have ended containers: it does when it starts
 * without live restore. */
bool fleet_engine_was_away(const struct fleet_env *env, uint64_t now_ms);

/* How many further instances of this size the budget allows. */
unsigned fleet_budget_room(const struct fleet_budget *budget, uint64_t memory_bytes);

/* The same when `ready` prewarmed instances with a limit of `ready_bytes` each, which are counted already,
 * may become some of them. */
unsigned fleet_budget_room_with(const struct fleet_budget *budget, uint64_t memory_bytes, unsigned ready,
                                uint64_t ready_bytes);

#endif
