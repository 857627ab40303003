#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "base/timer.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/fault.h"
#include "fleet/scale/prewarm.h"
#include "fleet/scale/warm_keeper.h"
#include "fleet/storage.h"
#include "prepare/install/dependency_install.h"
#include "prepare/store/record_store.h"
#include "prepare/store/revision_store.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define SAVED_AT_ONCE  50 /* functions, whose files are synced one by one */
#define RETRY_FIRST_MS 1000 /* before a deployment that Docker failed is tried again; doubling */

static void add_route(const struct fleet *fleet, struct route_snapshot *snapshot,
                      const struct function *function)
{
    struct revision *current = function_current(function);
    struct route route = {.name = (char *)function_name(function)};
    if (current)
        route.pool = revision_pool(current);
    else
        route.problem = function_problem(function);
    route.is_private = !function_applied_settings(function)->is_public;
    route.limits = route_limits_make(fleet->env.host, function_applied_settings(function));
    route_snapshot_add(snapshot, &route);
}

void fleet_on_routes(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    struct route_snapshot *snapshot = route_snapshot_create();
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_removed(fleet->functions[i]))
            add_route(fleet, snapshot, fleet->functions[i]);
    }
    route_table_publish(fleet->routes, snapshot);
    if (fleet->hooks.published)
        fleet->hooks.published(fleet->hooks.context);
}

static bool all_settled(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_settled(fleet->functions[i]) && !function_is_removed(fleet->functions[i]))
            return false;
    }
    return true;
}

bool fleet_is_at_rest(const struct fleet *fleet)
{
    return fleet->applied && !fleet->reloading && all_settled(fleet);
}

void fleet_check_rest(struct fleet *fleet)
{
    if (fleet->stopping || !fleet_is_at_rest(fleet))
        return;
    if (!fleet->settled) {
        fleet->settled = true;
        fleet->waiting_for = NULL;
        fleet->hooks.settled(fleet->hooks.context);
    }
    if (fleet->hooks.rested)
        fleet->hooks.rested(fleet->hooks.context);
}

void fleet_check_stopped(struct fleet *fleet)
{
    if (fleet->stopping)
        event_active(fleet->stop_check, EV_TIMEOUT, 0);
}

static void on_routed(struct function *function, void *owner)
{
    (void)function;
    struct fleet *fleet = owner;
    event_active(fleet->routes_event, EV_TIMEOUT, 0);
}

static void on_settled(struct function *function, void *owner)
{
    struct fleet *fleet = owner;
    event_active(fleet->collect, EV_TIMEOUT, 0);
    if (fault_is_passing(function_problem(function)) && !evtimer_pending(fleet->retry, NULL))
        timer_at(fleet->retry, RETRY_FIRST_MS << fleet->retries, 0);
    if (fleet->hooks.function_settled && !fleet->stopping)
        fleet->hooks.function_settled(function, fleet->hooks.context);
    fleet_check_rest(fleet);
}

static bool is_wanted(const void *context, const char *name)
{
    return fleet_function_find(context, name) != NULL;
}

void fleet_on_collect(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping || fleet->unusable || !all_settled(fleet))
        return; /* what is there is for the next start, or for when the file is mended */
    storage_collect(&fleet->env, &fleet->prune, fleet->functions, fleet->count);
    engine_collect(fleet->env.engine);
    if (fleet->whole) {
        record_store_collect(fleet->env.records, is_wanted, fleet);
        revision_store_collect(fleet->env.revisions, is_wanted, fleet);
    }
    malloc_trim(0); /* many functions built at once take far more than they keep */
}

/* Writing them all at once would keep the disk from others for long. */
void fleet_on_save(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    size_t saved = 0;
    for (size_t i = 0; i < fleet->count && saved < SAVED_AT_ONCE; i++) {
        fleet->save_next = (fleet->save_next + 1) % fleet->count;
        saved += function_save_kept(fleet->functions[fleet->save_next]);
    }
}

static void on_freed(struct function *function, void *owner)
{
    (void)function;
    struct fleet *fleet = owner;
    event_active(fleet->collect, EV_TIMEOUT, 0);
}

static void on_function_gone(struct function *function, void *owner)
{
    struct fleet *fleet = owner;
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->functions[i] == function) {
            memmove(&fleet->functions[i], &fleet->functions[i + 1],
                    (fleet->count - i - 1) * sizeof(struct function *));
            fleet->count--;
            break;
        }
    }
    function_destroy(function);
    fleet_check_stopped(fleet);
}

static const struct function_hooks function_hooks = {
    .routed = on_routed,
    .settled = on_settled,
    .freed = on_freed,
    .gone = on_function_gone,
};

struct function *fleet_function_find(const struct fleet *fleet, const char *name)
{
    struct named_function *found;
    HASH_FIND_STR(fleet->by_name, name, found);
    return found ? found->function : NULL;
}

void fleet_function_remove(struct fleet *fleet, struct function *function, const char *why)
{
    struct named_function *found;
    HASH_FIND_STR(fleet->by_name, function_name(function), found);
    if (found) {
        HASH_DEL(fleet->by_name, found);
        free(found);
    }
    function_remove(function, why);
}

struct function *fleet_function_add(struct fleet *fleet, const char *name)
{
    fleet->functions = xgrow(fleet->functions, fleet->count, sizeof(struct function *));
    struct function *function = function_create(&fleet->env, name, &function_hooks, fleet);
    fleet->functions[fleet->count++] = function;
    struct named_function *named = xcalloc(1, sizeof(*named));
    named->function = function;
    HASH_ADD_KEYPTR(hh, fleet->by_name, function_name(function), strlen(function_name(function)), named);
    return function;
}

void fleet_start(struct fleet *fleet)
{
    fleet->waiting_for = "the Docker engine";
    engine_watch(fleet->env.engine);
}

/* Instances that nobody has claimed yet stay for the next daemon. */
static bool is_empty(const struct fleet *fleet)
{
    unsigned unclaimed;
    uint64_t memory_bytes;
    adoption_counted(fleet->env.adoption, &unclaimed, &memory_bytes);
    return fleet->env.engine->budget.instances == unclaimed && fleet->count == 0 && fleet->installs_stopped &&
           adoption_is_through(fleet->env.adoption);
}

static void on_engine_finished(void *owner, const struct error *err)
{
    (void)err; /* what could not be removed is a leftover for the next start */
    struct fleet *fleet = owner;
    fleet->engine_finished = true;
    fleet_check_stopped(fleet);
}

void fleet_on_stop_check(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopped || !is_empty(fleet))
        return;
    if (!fleet->released && !fleet->engine_finished) {
        if (!fleet->engine_finishing)
            engine_finish(fleet->env.engine, on_engine_finished, fleet);
        fleet->engine_finishing = true;
        return;
    }
    fleet->stopped = true;
    fleet->hooks.stopped(fleet->hooks.context);
}

static void on_installs_stopped(void *context)
{
    struct fleet *fleet = context;
    fleet->installs_stopped = true;
    fleet_check_stopped(fleet);
}

static void cut_short(struct instance *instance, void *context)
{
    const struct fleet *fleet = context;
    instance_retire(instance, "shutdown", fleet->env.drain_ms);
}

static void leave(struct instance *instance, void *context)
{
    const struct fleet *fleet = context;
    instance_release(instance, fleet->env.drain_ms);
}

/* Each instance ends by `how`; nothing is started any more. */
static void end_all(struct fleet *fleet, void (*how)(struct instance *instance, void *context))
{
    fleet->stopping = true;
    warm_keeper_stop(fleet->env.warm);
    prewarm_each_instance(fleet->env.prewarm, how, fleet);
    prewarm_stop(fleet->env.prewarm);
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        function_each_instance(function, how, fleet);
        if (!function_is_removed(function))
            fleet_function_remove(fleet, function, "shutdown");
    }
    dependency_installs_stop(fleet->env.installs, on_installs_stopped, fleet);
}

static bool is_not_awaited(const void *context, const char *name)
{
    (void)context, (void)name;
    return false;
}

void fleet_stop(struct fleet *fleet)
{
    if (fleet->stopping)
        return;
    fleet->env.drain_ms = 0; /* there was time to drain before */
    event_del(fleet->adoption);
    adoption_sweep(fleet->env.adoption, is_not_awaited, NULL, "shutdown");
    end_all(fleet, cut_short);
}

void fleet_release(struct fleet *fleet, unsigned drain_ms)
{
    if (fleet->stopping)
        return;
    fleet->env.drain_ms = drain_ms;
    fleet->released = true;
    engine_leave(fleet->env.engine);
    event_del(fleet->adoption);
    adoption_leave(fleet->env.adoption);
    end_all(fleet, leave);
}

struct adoption *fleet_adoption(const struct fleet *fleet)
{
    return fleet->env.adoption;
}

const char *fleet_owner_id(const struct fleet *fleet)
{
    return fleet->owner.id;
}

const struct host_settings *fleet_host(const struct fleet *fleet)
{
    return &fleet->host;
}

const char *fleet_run_dir(const struct fleet *fleet)
{
    return fleet->run_dir;
}

void fleet_find_reach(const struct fleet *fleet, struct engine_reach *ret_reach)
{
    engine_find_reach(fleet->env.engine, ret_reach);
}

const struct budget *fleet_current_budget(const struct fleet *fleet)
{
    return &fleet->env.engine->budget;
}

struct volume_store *fleet_volumes(const struct fleet *fleet)
{
    return fleet->env.volumes;
}

const struct revision_store *fleet_revisions(const struct fleet *fleet)
{
    return fleet->env.revisions;
}

struct secret_store *fleet_secrets(const struct fleet *fleet)
{
    return fleet->env.secrets;
}

const struct docker *fleet_docker(const struct fleet *fleet)
{
    return fleet->env.docker;
}

const struct plugins *fleet_plugins(const struct fleet *fleet)
{
    return fleet->env.plugins;
}

void fleet_warmth(const struct fleet *fleet, struct fleet_warmth *ret_warmth)
{
    *ret_warmth = (struct fleet_warmth){.instances = prewarm_library_count(fleet->env.prewarm),
                                        .memory_bytes = warm_keeper_memory(fleet->env.warm),
                                        .max_memory_bytes = warm_keeper_budget(fleet->env.warm)};
}

void fleet_prewarmed(const struct fleet *fleet, unsigned *ret_instances, uint64_t *ret_memory_bytes)
{
    prewarm_usage(fleet->env.prewarm, ret_instances, ret_memory_bytes);
}

void fleet_networks(const struct fleet *fleet, unsigned *ret_spare, unsigned *ret_joined)
{
    engine_count_networks(fleet->env.engine, ret_spare, ret_joined);
}

const struct kept_error *fleet_unusable(const struct fleet *fleet)
{
    return fleet->unusable;
}

const struct diagnostics *fleet_findings(const struct fleet *fleet)
{
    return &fleet->findings;
}

const char *fleet_waiting_for(const struct fleet *fleet)
{
    return fleet->waiting_for;
}

size_t fleet_function_count(const struct fleet *fleet)
{
    return fleet->count;
}

struct function *fleet_function_at(const struct fleet *fleet, size_t index)
{
    return fleet->functions[index];
}

void fleet_each_instance(const struct fleet *fleet, void (*visit)(struct instance *instance, void *context),
                         void *context)
{
    for (size_t i = 0; i < fleet->count; i++)
        function_each_instance(fleet->functions[i], visit, context);
    prewarm_each_instance(fleet->env.prewarm, visit, context);
    adoption_each_instance(fleet->env.adoption, visit, context);
}
