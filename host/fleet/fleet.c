#include "fleet/fleet.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "build/background.h"
#include "build/build_job.h"
#include "build/dependency_install.h"
#include "build/dependency_store.h"
#include "build/image_prune.h"
#include "build/package_store.h"
#include "build/plugins.h"
#include "build/runtime_image.h"
#include "docker/docker.h"
#include "fleet/engine_queue.h"
#include "fleet/engine_watch.h"
#include "fleet/loss_book.h"
#include "fleet/owner.h"
#include "fleet/prewarm.h"
#include "fleet/room.h"
#include "fleet/storage.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_NAME      "berth"
#define MEMORY_PERCENT    75 /* of the machine's, for all instances together, unless set */
#define INSTANCES_DEFAULT 512
#define RETRY_FIRST_MS    1000 /* before a deployment that Docker failed is tried again; doubling */
#define RETRY_DOUBLINGS   6
#define ROOM_RETRY_MS     250 /* while instances are wanted that the host has no room for */

struct fleet {
    struct fleet_env env;
    struct fleet_hooks hooks;
    struct route_table *routes;
    char *config_path, *run_dir;
    struct owner owner;
    int run_lock; /* of the run directory */
    struct background *background;
    struct engine_watch *watch;
    struct event *inbox_event;
    struct event *routes_event; /* publishes the route table once for all changes of a turn */
    struct event *stop_check;
    struct event *collect; /* storage, once a deployment has settled or a revision has gone */
    struct event *retry;   /* deployments that Docker failed */
    struct generation *generation;
    struct function *
        *functions; /* in the order of their first registration; removed ones until they are gone */
    size_t count, capacity;
    const char *waiting_for;
    bool applied, settled, stopping, stopped;
    bool scanning, reload_again; /* the registry was to be read again while the plugins were probed */
    bool installs_stopped;
    unsigned retries; /* in a row */
};

/* --- routes --- */

static void add_route(struct route_snapshot *snapshot, const struct function *function)
{
    struct revision *current = function_current(function);
    struct route route = {.name = (char *)function_name(function)};
    const struct function_settings *settings = function_latest_settings(function);
    if (current) {
        settings = revision_settings(current);
        route.pool = revision_pool(current);
    } else {
        route.problem = function_problem(function);
    }
    route.timeout_ms = settings->timeout_ms;
    route_snapshot_add(snapshot, &route);
}

static void on_routes(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    struct route_snapshot *snapshot = route_snapshot_create();
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_removed(fleet->functions[i]))
            add_route(snapshot, fleet->functions[i]);
    }
    route_table_publish(fleet->routes, snapshot);
}

/* --- functions --- */

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

static void check_stopped(struct fleet *fleet)
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

/* Trouble that passes by itself, without the engine having been seen to go. */
static bool is_passing(const struct kept_error *problem)
{
    return problem && strcmp(problem->component, "docker") == 0 &&
           (strcmp(problem->reason, "docker-unreachable") == 0 ||
            strcmp(problem->reason, "docker-timeout") == 0 || strcmp(problem->reason, "docker-error") == 0);
}

static void on_settled(struct function *function, void *owner)
{
    struct fleet *fleet = owner;
    event_active(fleet->collect, EV_TIMEOUT, 0);
    if (is_passing(function_problem(function)) && !evtimer_pending(fleet->retry, NULL))
        fleet_timer_at(fleet->retry, RETRY_FIRST_MS << fleet->retries, 0);
    check_settled(fleet);
}

static void on_collect(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping)
        return; /* what is there is for the next start */
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_settled(fleet->functions[i]) && !function_is_removed(fleet->functions[i]))
            return;
    }
    storage_collect(&fleet->env, fleet->functions, fleet->count);
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
    check_stopped(fleet);
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

/* A mistake that belongs to no function means that functions may be missing from what was read. */
static bool is_whole(const struct registry *registry)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity == SEVERITY_ERROR && !item->function)
            return false;
    }
    return true;
}

static void apply(struct fleet *fleet, struct registry *registry)
{
    log_file_diagnostics(registry);
    if (!is_whole(registry) && fleet->applied && registry->function_count == 0) {
        log_warning("config.kept", LOG_STR("file", fleet->config_path),
                    LOG_STR("why", "it cannot be read as a registry; the functions stay as they were"));
        registry_destroy(registry);
        return;
    }
    generation_unref(fleet->generation);
    fleet->generation = generation_create(registry);
    if (is_whole(registry))
        remove_unregistered(fleet, registry);
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        struct function *function = fleet_function_find(fleet, settings->name);
        if (!function)
            function = add_function(fleet, settings->name);
        function_deploy(function, fleet->generation, settings, &registry->diagnostics);
    }
    log_info("config.applied", LOG_STR("file", fleet->config_path),
             LOG_INT("functions", registry->function_count),
             LOG_INT("errors", diagnostics_errors(&registry->diagnostics, NULL)));
    check_settled(fleet); /* the last function that was not may have been removed */
}

/* --- loading --- */

static void first_applied(struct fleet *fleet)
{
    fleet->applied = true;
    fleet->waiting_for = "the first build of every function";
    on_routes(-1, 0, fleet);
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

/* --- the engine --- */

struct search {
    uint64_t id;
    struct instance *found;
};

static void match_instance(struct instance *instance, void *context)
{
    struct search *search = context;
    if (instance_id(instance) == search->id)
        search->found = instance;
}

static void search_revision(struct revision *revision, void *context)
{
    revision_each(revision, match_instance, context);
}

static struct instance *find_instance(const struct fleet *fleet, uint64_t id)
{
    struct search search = {.id = id};
    for (size_t i = 0; i < fleet->count && !search.found; i++)
        function_each_revision(fleet->functions[i], search_revision, &search);
    if (!search.found)
        prewarm_each(fleet->env.prewarm, match_instance, &search);
    return search.found;
}

static bool is_known(void *context, const char *instance)
{
    return find_instance(context, strtoull(instance, NULL, 16)) != NULL;
}

static void on_died(void *context, const char *name)
{
    struct instance *instance = find_instance(context, strtoull(name, NULL, 16));
    if (instance)
        instance_container_died(instance);
}

/* Builds again what could not be built because of the engine. */
static void redeploy_victims(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct function *function = fleet->functions[i];
        if (is_passing(function_problem(function)) && function_is_settled(function) &&
            !function_is_removed(function))
            function_redeploy(function);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping || !engine_watch_is_up(fleet->watch))
        return; /* the engine's return will do it */
    if (fleet->retries < RETRY_DOUBLINGS)
        fleet->retries++;
    redeploy_victims(fleet);
}

static void each_current(const struct fleet *fleet, void (*visit)(struct revision *revision))
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct revision *current = function_current(fleet->functions[i]);
        if (current)
            visit(current);
    }
}

/* Room goes to new revisions, which wait to be tried, and to functions that want it, before it goes to
 * prewarmed instances. */
static void share_room(struct fleet *fleet)
{
    fleet->env.short_of_room = false;
    for (size_t i = 0; i < fleet->count; i++) {
        struct revision *next = function_next(fleet->functions[i]);
        if (next)
            revision_scale(next);
    }
    each_current(fleet, revision_scale);
    if (!fleet->env.short_of_room)
        prewarm_refill(fleet->env.prewarm);
}

static void verify_instance(struct instance *instance, void *context)
{
    (void)context;
    instance_verify(instance);
}

static void verify_revision(struct revision *revision, void *context)
{
    revision_each(revision, verify_instance, context);
}

/* Containers may have ended, or vanished, while nobody told. */
static void verify_all(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        function_each_revision(fleet->functions[i], verify_revision, NULL);
    prewarm_each(fleet->env.prewarm, verify_instance, NULL);
}

static void on_engine_up(void *context)
{
    struct fleet *fleet = context;
    fleet->env.engine_trouble = (struct error){0};
    if (fleet->stopping)
        return;
    if (!fleet->applied && !fleet->scanning) {
        fleet->waiting_for = "the plugins";
        fleet_reload(fleet);
    } else {
        fleet->retries = 0;
        verify_all(fleet);
        redeploy_victims(fleet);
        each_current(fleet, revision_resume);
        prewarm_resume(fleet->env.prewarm);
    }
}

/* What runs goes on serving; who waits for a start is to learn why there is none. */
static void on_engine_down(void *context, const struct error *err)
{
    struct fleet *fleet = context;
    fleet->env.engine_trouble = *err;
    each_current(fleet, revision_scale);
}

static void on_room_freed(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    if (fleet->stopping)
        check_stopped(fleet);
    else
        share_room(fleet);
}

static void on_room_wanted(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    uint64_t now_ms = clock_ms();
    if (!fleet->stopping && room_make(&fleet->env, fleet->functions, fleet->count, now_ms))
        fleet_timer_at(fleet->env.room_wanted, now_ms + ROOM_RETRY_MS, now_ms);
}

/* --- workers' mail --- */

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct fleet *fleet = context;
    mailbox_deliver(&fleet->env.inbox, fleet);
}

struct timeout_mail {
    struct mail mail;
    uint64_t instance;
};

static void deliver_timeout(struct mail *mail, void *owner)
{
    struct fleet *fleet = owner;
    struct instance *instance = find_instance(fleet, ((struct timeout_mail *)mail)->instance);
    if (instance)
        instance_retire(instance, "a request timed out", fleet->env.drain_ms);
    free(mail);
}

void fleet_instance_timed_out(struct fleet *fleet, uint64_t instance)
{
    struct timeout_mail *message = xcalloc(1, sizeof(*message));
    message->mail.deliver = deliver_timeout;
    message->instance = instance;
    mailbox_post(&fleet->env.inbox, &message->mail);
}

bool fleet_loss_cause(const struct fleet *fleet, uint64_t instance, struct error *ret_cause)
{
    return loss_book_find(fleet->env.losses, instance, ret_cause);
}

/* --- creation --- */

static uint64_t machine_memory(void)
{
    return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

static void init_budget(struct fleet_env *env)
{
    const struct host_settings *host = env->host;
    env->budget.max_instances = host->max_instances ? host->max_instances : INSTANCES_DEFAULT;
    env->budget.max_memory_bytes =
        host->max_memory_bytes ? host->max_memory_bytes : machine_memory() / 100 * MEMORY_PERCENT;
}

/* Instance directories of a predecessor that was killed: nothing listens there any more, as the lock tells.
 */
static int prepare_run_dir(struct fleet *fleet, const char *run_dir, struct error *err)
{
    if (fs_make_dirs(run_dir, 0755, err) < 0 || owner_lock(run_dir, "run.lock", &fleet->run_lock, err) < 0)
        return -1;
    fleet->run_dir = xasprintf("%s/i", run_dir);
    if (fs_remove_tree(fleet->run_dir, err) < 0 || fs_make_dirs(fleet->run_dir, 0755, err) < 0)
        return -1;
    fleet->env.run_dir = fleet->run_dir;
    return 0;
}

static int open_stores(struct fleet *fleet, const struct fleet_options *options, struct error *err)
{
    struct fleet_env *env = &fleet->env;
    if (background_create(env->base, &fleet->background, err) < 0 ||
        package_store_open(options->state_dir, fleet->background, &env->packages, err) < 0 ||
        dependency_store_open(options->state_dir, fleet->background, &env->dependencies, err) < 0)
        return -1;
    return 0;
}

static int create_builders(struct fleet *fleet, const struct fleet_options *options, struct error *err)
{
    struct fleet_env *env = &fleet->env;
    struct build_jobs_options jobs = {
        .program = options->build_job_program,
        .staging_dir = package_store_staging(env->packages),
        .timeout_ms = env->host->build_timeout_ms,
        .background = fleet->background,
    };
    struct dependency_installs_options installs = {
        .base = env->base,
        .docker = env->docker,
        .store = env->dependencies,
        .owner = env->owner_id,
    };
    struct runtime_images_options images = {.docker = env->docker, .background = fleet->background};
    if (build_jobs_create(env->base, &jobs, &env->jobs, err) < 0 ||
        plugins_create(env->jobs, options->plugin_dir, &env->plugins, err) < 0 ||
        dependency_installs_create(&installs, &env->installs, err) < 0 ||
        runtime_images_create(&images, &env->images, err) < 0)
        return -1;
    return 0;
}

static void on_stop_check(evutil_socket_t fd, short what, void *context);

static int create_parts(struct fleet *fleet, const struct fleet_options *options, struct error *err)
{
    struct fleet_env *env = &fleet->env;
    if (fs_make_dirs(options->state_dir, 0755, err) < 0 ||
        owner_acquire(options->state_dir, &fleet->owner, err) < 0)
        return -1;
    env->owner_id = fleet->owner.id;
    if (prepare_run_dir(fleet, options->run_dir, err) < 0 || mailbox_init(&env->inbox, err) < 0)
        return -1;
    fleet->inbox_event = event_new(env->base, env->inbox.fd, EV_READ | EV_PERSIST, on_inbox, fleet);
    event_add(fleet->inbox_event, NULL);
    if (docker_create(env->base, env->host->docker_socket, &env->docker, err) < 0 ||
        open_stores(fleet, options, err) < 0 || create_builders(fleet, options, err) < 0)
        return -1;
    env->losses = loss_book_create();
    env->queue = engine_queue_create(env->base, core_count());
    env->prewarm = prewarm_create(env);
    env->room_freed = evtimer_new(env->base, on_room_freed, fleet);
    env->room_wanted = evtimer_new(env->base, on_room_wanted, fleet);
    fleet->routes_event = evtimer_new(env->base, on_routes, fleet);
    fleet->stop_check = evtimer_new(env->base, on_stop_check, fleet);
    fleet->collect = evtimer_new(env->base, on_collect, fleet);
    fleet->retry = evtimer_new(env->base, on_retry, fleet);
    struct engine_watch_hooks watch_hooks = {
        .up = on_engine_up, .down = on_engine_down, .died = on_died, .is_known = is_known, .context = fleet};
    fleet->watch = engine_watch_create(env, &watch_hooks);
    return 0;
}

int fleet_create(const struct fleet_options *options, const struct fleet_hooks *hooks,
                 struct fleet **ret_fleet, struct error *err)
{
    struct fleet *fleet = xcalloc(1, sizeof(*fleet));
    fleet->hooks = *hooks;
    fleet->routes = options->routes;
    fleet->config_path = xstrdup(options->config_path);
    fleet->owner.lock_fd = -1;
    fleet->run_lock = -1;
    fleet->env = (struct fleet_env){.base = options->base,
                                    .host = options->host,
                                    .network = NETWORK_NAME,
                                    .drain_ms = options->host->drain_timeout_ms,
                                    .inbox.fd = -1};
    init_budget(&fleet->env);
    if (create_parts(fleet, options, err) < 0) {
        fleet_destroy(fleet);
        return -1;
    }
    *ret_fleet = fleet;
    return 0;
}

void fleet_start(struct fleet *fleet)
{
    fleet->waiting_for = "the Docker engine";
    engine_watch_start(fleet->watch);
}

/* --- the end --- */

static bool is_empty(const struct fleet *fleet)
{
    return fleet->env.budget.instances == 0 && fleet->count == 0 && fleet->installs_stopped;
}

static void on_stop_check(evutil_socket_t fd, short what, void *context)
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
    check_stopped(fleet);
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

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void fleet_destroy(struct fleet *fleet)
{
    if (!fleet)
        return;
    struct fleet_env *env = &fleet->env;
    engine_watch_destroy(fleet->watch);
    if (env->inbox.fd >= 0)
        mailbox_deliver(&env->inbox, fleet);
    prewarm_destroy(env->prewarm);
    dependency_installs_destroy(env->installs);
    image_prune_end(env->prune);
    runtime_images_destroy(env->images);
    plugins_destroy(env->plugins);
    build_jobs_destroy(env->jobs);
    docker_destroy(env->docker);
    engine_queue_destroy(env->queue);
    loss_book_destroy(env->losses);
    background_destroy(fleet->background);
    dependency_store_close(env->dependencies);
    package_store_close(env->packages);
    generation_unref(fleet->generation);
    free_event(fleet->inbox_event);
    free_event(fleet->routes_event);
    free_event(fleet->stop_check);
    free_event(fleet->collect);
    free_event(fleet->retry);
    free_event(env->room_freed);
    free_event(env->room_wanted);
    if (env->inbox.fd >= 0)
        mailbox_clear(&env->inbox);
    if (fleet->run_lock >= 0)
        close(fleet->run_lock);
    owner_release(&fleet->owner);
    free(fleet->functions);
    free(fleet->config_path);
    free(fleet->run_dir);
    free(fleet);
}

/* --- questions --- */

bool fleet_is_settled(const struct fleet *fleet)
{
    return fleet->settled;
}

const char *fleet_owner_id(const struct fleet *fleet)
{
    return fleet->owner.id;
}

const struct fleet_budget *fleet_current_budget(const struct fleet *fleet)
{
    return &fleet->env.budget;
}

void fleet_prewarmed(const struct fleet *fleet, unsigned *ret_instances, uint64_t *ret_memory_bytes)
{
    prewarm_usage(fleet->env.prewarm, ret_instances, ret_memory_bytes);
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
