/* Inside of the fleet: what its files share. For fleet*.c only. */
#ifndef FLEET_FLEET_INSIDE_H
#define FLEET_FLEET_INSIDE_H

#include "fleet/fleet.h"

#include "base/queue.h"
#include "base/table.h"
#include "fleet/engine/owner.h"
#include "fleet/source_look.h"
#include "fleet/source_watch.h"

/* A function by its name, as long as it is not removed. */
struct named_function {
    struct function *function;
    UT_hash_handle hh;
};

struct fleet {
    struct fleet_env env;
    uint64_t *spared; /* instances of another daemon */
    size_t spared_count;
    struct fleet_hooks hooks;
    struct host_settings host; /* the daemon's, less what has been applied since; texts are borrowed */
    const struct registry *started; /* or NULL */
    struct folder_list volume_roots; /* as they were read last */
    struct route_table *routes;
    char *config_path, *run_dir, *state_dir, *secret_key_file;
    char *firewall_program; /* or NULL */
    char *world_dir;
    char *host_path; /* where the section `host` is kept */
    json_t *former_host; /* the section as it was last, for when the file does not say what it is */
    char *memory_dir; /* NULL: this host has none */
    char *instances_dir; /* below the run directory: one directory for each instance */
    struct owner owner;
    int run_lock; /* of the run directory */
    struct background *background;
    struct image_prune *prune; /* the last, at work or through; NULL: none yet */
    struct event *inbox_event;
    struct event *routes_event; /* publishes the route table once for all changes of a turn */
    struct event *stop_check;
    struct event *collect; /* storage, once a deployment has settled or a revision has gone */
    struct event *save; /* what has been counted */
    size_t save_next; /* the function to begin with */
    struct event *adoption; /* looks at what an earlier daemon has left */
    struct event *retry; /* deployments that Docker failed */
    struct generation *generation;
    struct source_look *look; /* at the files of a registry that has been read */
    LIST_HEAD(, image_look) image_looks;
    struct function *
        *functions; /* in the order of their first registration; removed ones until they are gone */
    size_t count;
    struct named_function *by_name;
    const char *waiting_for;
    struct diagnostics findings; /* of the last reading: what belongs to no function */
    struct kept_error *unusable; /* why no registry that was read since the start is of use; NULL: one is */
    bool applied, settled, stopping, stopped;
    bool released; /* instances are left to the next daemon */
    bool whole; /* the registry that was applied last says of every function whether there is one */
    bool reloading;
    enum source_extent wanted; /* a reload, once the one under way is through */
    struct folder_list touched; /* folders of functions that this one is to look at */
    struct folder_list looked_at; /* those that the one under way looks at */
    struct source_watch *watch; /* NULL: only a signal or a call of the management API reloads */
    bool installs_stopped;
    bool engine_finishing, engine_finished; /* what it keeps for functions is being removed; or is */
    unsigned retries; /* in a row */
};

/* --- fleet.c: functions and their routes --- */

/* A function that is new, and the end of one. */
struct function *fleet_function_add(struct fleet *fleet, const char *name);
void fleet_function_remove(struct fleet *fleet, struct function *function, const char *why);

/* Tells whoever waits for it that every function is built, or has failed to be, and no reload is under way.
 */
void fleet_check_rest(struct fleet *fleet);

/* Looks, from the event loop, whether the fleet has come to its end; nothing while it is not to. */
void fleet_check_stopped(struct fleet *fleet);

/* Handlers of the events of the same names. */
void fleet_on_routes(evutil_socket_t fd, short what, void *context);
void fleet_on_save(evutil_socket_t fd, short what, void *context);
void fleet_on_collect(evutil_socket_t fd, short what, void *context);
void fleet_on_stop_check(evutil_socket_t fd, short what, void *context);

/* --- fleet_apply.c: what the registry says becomes what there is --- */

/* The registry's file could not be read, for `err`: what there is stays. */
void fleet_note_unreadable(struct fleet *fleet, const struct error *err);

/* Whether the registry that was read is to be used; else what there is stays. */
bool fleet_judge(struct fleet *fleet, const struct registry *registry);

/* Everything is to be as this reading says. `inputs`: source_look_done_fn. */
void fleet_apply(struct fleet *fleet, struct generation *generation, const struct source_inputs *inputs);

/* The registry could not be read as a whole since the start: the functions that it may have and that have
 * served before are there as they served last. Once, before routes are published. */
void fleet_restore_lost(struct fleet *fleet);

/* The functions in these folders, at least one, are to be as their files are. */
void fleet_apply_files(struct fleet *fleet, const struct folder_list *folders,
                       const struct source_inputs *inputs);

/* --- fleet_deployed.c: what was deployed over the API --- */

/* Adds all of it to a registry that has been read. */
void fleet_add_deployed(const struct fleet *fleet, struct registry *registry);

/* Whether there is a function that was. */
bool fleet_has_deployed(const struct fleet *fleet);

/* Whether there is one that was not; before the first registry is applied, whether one is kept. */
bool fleet_has_registered(const struct fleet *fleet);

/* Removes those that are not of this reading, when it does not say of other functions whether they are. */
void fleet_remove_undeployed(struct fleet *fleet, const struct generation *generation);

/* --- fleet_reload.c: when the registry is read and files are looked at --- */

/* Reads everything, as a start or a reload does. */
void fleet_read_all(struct fleet *fleet);

/* A source_watch_changed_fn. */
void fleet_on_source(void *owner, enum source_extent extent, const struct folder_list *folders,
                     const char *first);

/* Ends silently the watching and what a reload has begun; the images must have been destroyed. */
void fleet_end_reloads(struct fleet *fleet);

/* --- fleet_engine.c: what happens in Docker, room on the host, and workers' mail --- */

/* Hooks of the engine. What runs goes on serving while the engine is down; who waits for a start is to
 * learn why there is none. */
void fleet_on_found(void *context, const char *instance, const char *id, const char *name, bool runs);
bool fleet_is_known(void *context, const char *instance);
void fleet_on_died(void *context, const char *name);
void fleet_on_signalled(void *context, const char *name);
void fleet_on_engine_up(void *context);
void fleet_on_engine_down(void *context);

/* Handlers of the events of the same names. */
void fleet_on_retry(evutil_socket_t fd, short what, void *context);
void fleet_on_room_freed(evutil_socket_t fd, short what, void *context);
void fleet_on_room_wanted(evutil_socket_t fd, short what, void *context);
void fleet_on_inbox(evutil_socket_t fd, short what, void *context);
void fleet_on_adoption(evutil_socket_t fd, short what, void *context);

#endif
