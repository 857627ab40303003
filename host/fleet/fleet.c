#include "fleet/fleet_inside.h"

#include "base/log.h"
#include "base/strbuf.h"
#include "base/timer.h"
#include "fleet/instance/fault.h"
#include "fleet/scale/prewarm.h"
#include "fleet/storage.h"
#include "prepare/install/dependency_install.h"
#include "prepare/plugins.h"
#include "prepare/process/build_job.h"

#include <malloc.h>
#include <string.h>

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
}

static void check_settled(struct fleet *fleet)
{
    if (fleet->settled || !fleet->applied)
        return;
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_settled(fleet->functions[i]) && !function_is_removed(fleet->functions[i]))
            return;
    }
    fleet->settled = true;
    fleet->waiting_for = NULL;
    fleet->hooks.settled(fleet->hooks.context);
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
    check_settled(fleet);
}

void fleet_on_collect(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping)
        return; /* what is there is for the next start */
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_settled(fleet->functions[i]) && !function_is_removed(fleet->functions[i]))
            return;
    }
    storage_collect(&fleet->env, &fleet->prune, fleet->functions, fleet->count);
    malloc_trim(0); /* many functions built at once take far more than they keep */
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
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_removed(fleet->functions[i]) &&
            strcmp(function_name(fleet->functions[i]), name) == 0)
            return fleet->functions[i];
    }
    return NULL;
}

static struct function *add_function(struct fleet *fleet, const char *name)
{
    if (fleet->count == fleet->capacity) {
        fleet->capacity = fleet->capacity ? 2 * fleet->capacity : 16;
        fleet->functions = xrealloc(fleet->functions, fleet->capacity * sizeof(struct function *));
    }
    struct function *function = function_create(&fleet->env, name, &function_hooks, fleet);
    fleet->functions[fleet->count++] = function;
    return function;
}

static bool is_registered(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->function_count; i++) {
        if (strcmp(registry->functions[i].name, name) == 0)
            return true;
    }
    return false;
}

static void remove_unregistered(struct fleet *fleet, const struct registry *registry)
{
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        if (!function_is_removed(function) && !is_registered(registry, function_name(function)))
            function_remove(function, "no longer registered");
    }
}

static void log_file_diagnostics(const struct registry *registry)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->function)
            continue;
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, 4096);
        diagnostic_render_line(item, &line);
        log_warning("config.diagnostic", LOG_STR("text", strbuf_text(&line)), LOG_STR("hint", item->hint));
    }
}

static void log_restarts(const struct fleet *fleet, const struct registry *registry)
{
    struct diagnostics found = {0};
    if (fleet->started)
        registry_find_restarts(fleet->started, registry, &found);
    for (size_t i = 0; i < found.count; i++) {
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, 4096);
        diagnostic_render_line(&found.items[i], &line);
        log_warning("config.restart-needed", LOG_STR("text", strbuf_text(&line)),
                    LOG_STR("hint", found.items[i].hint));
    }
    diagnostics_clear(&found);
}

static void apply_host(struct fleet *fleet, const struct registry *registry)
{
    host_settings_apply(&fleet->host, &registry->host);
    build_jobs_set_timeout(fleet->env.jobs, fleet->host.build_timeout_ms);
    log_restarts(fleet, registry);
}

/* The first mistake that belongs to no function, or NULL. */
static const struct diagnostic *first_mistake(const struct registry *registry)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity == SEVERITY_ERROR && !item->function)
            return item;
    }
    return NULL;
}

/* A mistake that belongs to no function means that functions may be missing from what was read. */
static bool is_whole(const struct registry *registry)
{
    return !first_mistake(registry);
}

/* A file without one function that can be read, and with mistakes, is no registry. */
static bool is_usable(const struct registry *registry)
{
    return is_whole(registry) || registry->function_count > 0;
}

/* Nothing can serve until the file is mended: that is more than a word in the log. */
static void note_unusable(struct fleet *fleet, const struct registry *registry)
{
    struct error err;
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, 4096);
    diagnostic_render_line(first_mistake(registry), &line);
    error_set(&err, ERROR_CONFIG_UNUSABLE, "the registry cannot be used: %s", strbuf_text(&line));
    error_hint(&err, "mend the file and send SIGHUP; berthd --check shows all of it");
    log_error("config.unusable", LOG_STR("file", fleet->config_path), LOG_ERR(&err));
    error_replace(&fleet->unusable, &err);
}

static void apply(struct fleet *fleet, struct registry *registry)
{
    log_file_diagnostics(registry);
    if (is_usable(registry))
        error_replace(&fleet->unusable, NULL);
    else if (!fleet->applied || fleet->unusable)
        note_unusable(fleet, registry);
    if (!is_usable(registry) && fleet->applied) {
        log_warning("config.kept", LOG_STR("file", fleet->config_path),
                    LOG_STR("why", "it cannot be read as a registry; the functions stay as they were"));
        registry_destroy(registry);
        return;
    }
    generation_unref(fleet->generation);
    fleet->generation = generation_create(registry);
    if (is_whole(registry)) {
        apply_host(fleet, registry);
        remove_unregistered(fleet, registry);
    }
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        struct function *function = fleet_function_find(fleet, settings->name);
        if (!function)
            function = add_function(fleet, settings->name);
        function_deploy(function, fleet->generation, settings, &registry->diagnostics);
    }
    if (fleet->applied)
        fleet_on_routes(-1, 0, fleet); /* limits hold from here on */
    log_info("config.applied", LOG_STR("file", fleet->config_path),
             LOG_INT("functions", registry->function_count),
             LOG_INT("errors", diagnostics_errors(&registry->diagnostics, NULL)));
    check_settled(fleet); /* the last function that was not may have been removed */
}

static void first_applied(struct fleet *fleet)
{
    fleet->applied = true;
    fleet->waiting_for = "the first build of every function";
    fleet_on_routes(-1, 0, fleet);
    fleet->hooks.routed(fleet->hooks.context);
    check_settled(fleet);
}

static void on_scanned(void *context, bool changed)
{
    (void)changed;
    struct fleet *fleet = context;
    fleet->scanning = false;
    if (fleet->stopping)
        return;
    size_t language_count;
    const struct language *languages = plugins_languages(fleet->env.plugins, &language_count);
    struct registry *registry;
    struct error err;
    if (registry_load(fleet->config_path, languages, language_count, &registry, &err) < 0)
        log_warning("config.unreadable", LOG_ERR(&err));
    else
        apply(fleet, registry);
    if (!fleet->applied)
        first_applied(fleet);
    if (fleet->reload_again)
        fleet_reload(fleet);
}

void fleet_reload(struct fleet *fleet)
{
    if (fleet->stopping)
        return;
    fleet->retries = 0;
    fleet->reload_again = fleet->scanning; /* however often it is asked for meanwhile */
    if (fleet->scanning)
        return;
    struct error err;
    fleet->scanning = true;
    if (plugins_scan(fleet->env.plugins, on_scanned, fleet, &err) < 0) {
        log_warning("plugins.unreadable", LOG_ERR(&err));
        on_scanned(fleet, false);
    }
}

void fleet_start(struct fleet *fleet)
{
    fleet->waiting_for = "the Docker engine";
    engine_watch(fleet->env.engine);
}

static bool is_empty(const struct fleet *fleet)
{
    return fleet->env.engine->budget.instances == 0 && fleet->count == 0 && fleet->installs_stopped;
}

void fleet_on_stop_check(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopped || !is_empty(fleet))
        return;
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

static void cut_short_revision(struct revision *revision, void *context)
{
    revision_each(revision, cut_short, context);
}

void fleet_stop(struct fleet *fleet)
{
    if (fleet->stopping)
        return;
    fleet->stopping = true;
    fleet->env.drain_ms = 0; /* there was time to drain before */
    prewarm_stop(fleet->env.prewarm);
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        function_each_revision(function, cut_short_revision, fleet);
        if (!function_is_removed(function))
            function_remove(function, "shutdown");
    }
    dependency_installs_stop(fleet->env.installs, on_installs_stopped, fleet);
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

const struct budget *fleet_current_budget(const struct fleet *fleet)
{
    return &fleet->env.engine->budget;
}

const struct plugins *fleet_plugins(const struct fleet *fleet)
{
    return fleet->env.plugins;
}

void fleet_prewarmed(const struct fleet *fleet, unsigned *ret_instances, uint64_t *ret_memory_bytes)
{
    prewarm_usage(fleet->env.prewarm, ret_instances, ret_memory_bytes);
}

const struct kept_error *fleet_unusable(const struct fleet *fleet)
{
    return fleet->unusable;
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
