/* What every part of the fleet works with. Owned by the fleet, read by its parts; control thread only, except
 * `inbox`. */
#ifndef FLEET_FLEET_ENV_H
#define FLEET_FLEET_ENV_H

#include "base/mailbox.h"
#include "config/registry.h"

#include <event2/event.h>
#include <stdint.h>

struct adoption;
struct background;
struct build_jobs;
struct dependency_installs;
struct dependency_store;
struct docker;
struct doors;
struct engine;
struct log_store;
struct loss_book;
struct package_store;
struct plugins;
struct prewarm;
struct record_store;
struct revision_store;
struct runtime_images;
struct secret_store;
struct volume_store;
struct warm_keeper;

struct fleet_env {
    struct event_base *base;
    const struct host_settings *host;
    const char *run_dir; /* instance directories are made below it */
    const char *owner_id; /* whose they are; NULL: nobody goes on with them */
    struct adoption *adoption; /* instances of an earlier daemon that nobody has claimed yet */
    struct engine *engine; /* what runs containers */
    struct docker *docker; /* what has images */
    struct background *logins; /* asks for passwords, by programs that may take long */
    struct build_jobs *jobs;
    struct plugins *plugins;
    struct package_store *packages;
    struct record_store *records;
    struct revision_store *revisions; /* those that have served */
    struct volume_store *volumes;
    const struct folder_list *volume_roots; /* those of the section `host`, as it was read last */
    struct secret_store *secrets;
    const char *memory_dir; /* instance_memory.h; NULL: this host has no such place */
    struct dependency_store *dependencies;
    struct dependency_installs *installs;
    struct runtime_images *images;
    struct prewarm *prewarm;
    struct warm_keeper *warm; /* says how many of these have libraries */
    struct loss_book *losses;
    const struct doors *doors; /* who serves the doors of instances; NULL: nobody does */
    struct log_store *logs; /* keeps what functions write; NULL: nothing does */
    struct mailbox inbox; /* how workers reach the fleet */
    unsigned drain_ms; /* how long what is retired may finish its requests */
    uint64_t
        expected_start_ms; /* smoothed time from asking for a container to a loaded function; 0: not known */
};

#endif
