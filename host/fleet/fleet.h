/*
 * The fleet: all functions with their revisions and instances, kept as the registry says, on one Docker
 * engine. It builds them, starts and removes containers as the load wants, publishes the route table, and
 * cleans up after itself and after a predecessor that was killed. Control thread.
 */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "base/error.h"
#include "config/registry.h"
#include "fleet/function.h"
#include "routing/loss.h"
#include "routing/route_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct adoption;
struct descriptors;
struct docker;
struct doors;
struct engine_reach;
struct event_base;
struct fleet;
struct log_store;
struct plugins;
struct revision_store;
struct secret_store;
struct volume_store;

struct fleet_options {
    struct event_base *base;
    const struct host_settings *host;
    const struct registry *started; /* what the daemon was started with; outlives the fleet */
    const char *config_path;
    struct descriptors *given; /* of which it takes the locks that another daemon gives up; NULL: none */
    const char *state_dir, *run_dir; /* made when missing, and closed to other users: private_dir_open() */
    const char *plugin_dir; /* absolute */
    const char *own_plugin_dir; /* plugins_add_folder(), with `plugin_owner`; or NULL */
    uid_t plugin_owner;
    const char *build_job_program;
    const char *firewall_program; /* absolute path of berth-firewall; NULL: functions reach what the engine
                                     lets them */
    const char *secret_key_file; /* absolute; need not be there */
    struct route_table *routes; /* outlives the fleet */
    const struct doors *doors; /* who serves those of instances; NULL: nobody does. It outlives the fleet */
};

struct fleet_hooks {
    /* The registry has been applied for the first time: every function has its route, though some may still
     * be built. */
    void (*routed)(void *context);
    /* The routes have been published: functions have come, have changed or have gone, or are ready. NULL is
     * fine. */
    void (*published)(void *context);
    /* Every function of the first load is built, or has failed to be: what is there is as ready as it gets.
     * Once. */
    void (*settled)(void *context);
    /* It has come to rest: no reload is under way, and no function is being built. After each reload, and
     * after whatever else had functions built. NULL is fine. */
    void (*rested)(void *context);
    /* The deployment of this function has come to its end, good or bad. NULL is fine. */
    void (*function_settled)(const struct function *function, void *context);
    /* All that the sources say has been applied: no reload is under way. NULL is fine. */
    void (*applied)(void *context);
    /* fleet_stop() is through: no container of ours is left. Once. */
    void (*stopped)(void *context);
    void *context;
};

#define KEPT_HOST "host-settings" /* below the state directory: host_settings_keep(), sealed */

/* Locks the state and the run directory and makes everything that needs no engine. */
int fleet_create(const struct fleet_options *options, const struct fleet_hooks *hooks,
                 struct fleet **ret_fleet, struct error *err);

/* What it has the state and the run directory locked by: it stays the fleet's own. And: lets go of these
 * locks, which another daemon holds by now. */
void fleet_locks(const struct fleet *fleet, int *ret_state, int *ret_run);
void fleet_unlock(struct fleet *fleet);

/* Instances that another daemon, which gave this one its place, has until they have finished: their
 * containers are not for this one to remove. A list of zero: there are none any more. Control thread. */
void fleet_spare(struct fleet *fleet, const uint64_t *instances, size_t count);

/* After the end of this one's place: the instances that it still has, since they finish their requests, into
 * *ret_instances, which the caller frees. False: others have not been let go of yet. */
bool fleet_is_released(const struct fleet *fleet, uint64_t **ret_instances, size_t *ret_count);

/* Has what functions write kept there, from the start on. It outlives the fleet. */
void fleet_keep_output(struct fleet *fleet, struct log_store *logs);

/* Begins: waits for the engine, removes leftovers, probes the plugins, applies the registry. */
void fleet_start(struct fleet *fleet);

/* Probes the plugins again and applies the registry as it is now. A file that cannot be read, or is not YAML,
 * changes nothing. Before the engine has answered for the first time there is nothing to do: the start reads
 * everything then. */
void fleet_reload(struct fleet *fleet);

/* Has what was deployed over the API read again: something there is another, or gone. */
void fleet_read_deployed(struct fleet *fleet);

/* Whether something is still to be read and applied: hooks.applied follows. */
bool fleet_is_reading(const struct fleet *fleet);

/* Removes every instance, whatever it is doing; hooks.stopped follows from the event loop. The gateway should
 * have drained before. */
void fleet_stop(struct fleet *fleet);

/* The same, but ready and prewarmed instances are left running to the next daemon, with all that is theirs:
 * connections of the host that are idle are closed, those that are busy end with their requests, and the
 * host's descriptors are closed. `drain_ms`: how long those that finish their requests already may go on with
 * that.
 */
void fleet_release(struct fleet *fleet, unsigned drain_ms);

/* Instances of an earlier daemon, until functions claim them. Owned by the fleet; between fleet_create() and
 * fleet_start(). */
struct adoption *fleet_adoption(const struct fleet *fleet);

/* After hooks.stopped, and after the gateway's threads have ended. Also right after fleet_create(). */
void fleet_destroy(struct fleet *fleet);

/* A request on this instance ran into its time limit: its handler may still be busy, so it is retired. Any
 * thread. */
void fleet_instance_timed_out(struct fleet *fleet, uint64_t instance);

/* Whose doing the loss of a connection to this instance at `lost_ms` was, and why it came; LOSS_UNKNOWN when
 * nothing is known of it. Any thread. */
enum instance_loss fleet_loss_cause(const struct fleet *fleet, uint64_t instance, uint64_t lost_ms,
                                    struct error *ret_cause);

const char *fleet_owner_id(const struct fleet *fleet);

/* The settings of the host as they hold now: a reload may change some. */
const struct host_settings *fleet_host(const struct fleet *fleet);

/* The run directory, without symbolic links on the way. */
const char *fleet_run_dir(const struct fleet *fleet);

/* Makes what is missing of it, closed to others and locked as before: somebody may have removed it. Reason
 * "in-use": another daemon has made it his own. */
int fleet_mend_run_dir(struct fleet *fleet, struct error *err);

/* How what functions can reach is limited. */
void fleet_find_reach(const struct fleet *fleet, struct engine_reach *ret_reach);

const struct budget *fleet_current_budget(const struct fleet *fleet);

/* What the plugin folder holds. Owned by the fleet. */
const struct plugins *fleet_plugins(const struct fleet *fleet);

/* The client of the engine. Owned by the fleet. */
const struct docker *fleet_docker(const struct fleet *fleet);

/* What is kept of the revisions that have served. Owned by the fleet. */
const struct revision_store *fleet_revisions(const struct fleet *fleet);

/* The named volumes of its functions. Owned by the fleet. */
struct volume_store *fleet_volumes(const struct fleet *fleet);

/* The secrets of functions. Owned by the fleet, which is to be told of changes. */
struct secret_store *fleet_secrets(const struct fleet *fleet);

/* A secret has another value, or has come or gone: the functions that name it are to be as it is now. The
 * registry is read again. */
void fleet_secrets_changed(struct fleet *fleet);

/* Prewarmed instances, waiting or on their way, and the sum of their memory limits: part of the budget. */
void fleet_prewarmed(const struct fleet *fleet, unsigned *ret_instances, uint64_t *ret_memory_bytes);

/* Those of them that have loaded libraries, or are about to; what they are planned to use of memory, as such
 * instances have used it, and how much that may be at most. */
struct fleet_warmth {
    unsigned instances;
    uint64_t memory_bytes, max_memory_bytes;
};
void fleet_warmth(const struct fleet *fleet, struct fleet_warmth *ret_warmth);

/* Networks made ahead that wait for an instance, and those that one has joined. */
void fleet_networks(const struct fleet *fleet, unsigned *ret_spare, unsigned *ret_joined);

/* What holds up the start, for /healthz: NULL when nothing does. */
const char *fleet_waiting_for(const struct fleet *fleet);

/* Why the registry has been of no use since the start, for /healthz and the exit status: it is no YAML, say.
 * NULL: one that is has been read. */
const struct kept_error *fleet_unusable(const struct fleet *fleet);

/* Whether it is at rest: hooks.rested. */
bool fleet_is_at_rest(const struct fleet *fleet);

/* What is wrong with the registry's file as it was read last and belongs to no function; whether it was of
 * use or not. Valid until the event loop goes on. */
const struct diagnostics *fleet_findings(const struct fleet *fleet);

/* The functions in the order of their first registration, those that are removed and still drain among them;
 * pointers are valid until the event loop goes on. */
size_t fleet_function_count(const struct fleet *fleet);
struct function *fleet_function_at(const struct fleet *fleet, size_t index);
struct function *fleet_function_find(const struct fleet *fleet, const char *name);

/* Calls visit for every instance, of whichever function and revision, for the prewarmed ones, and for those
 * of an earlier daemon that are being removed; visit must not end one. */
void fleet_each_instance(const struct fleet *fleet, void (*visit)(struct instance *instance, void *context),
                         void *context);

#endif
