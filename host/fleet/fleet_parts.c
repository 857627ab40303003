#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "base/background.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/machine_memory.h"
#include "base/private_dir.h"
#include "docker/docker.h"
#include "fleet/engine/docker_engine.h"
#include "fleet/engine/world.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/instance_memory.h"
#include "fleet/instance/loss_book.h"
#include "fleet/scale/prewarm.h"
#include "fleet/scale/warm_keeper.h"
#include "prepare/image/image_prune.h"
#include "prepare/image/runtime_image.h"
#include "prepare/install/dependency_install.h"
#include "prepare/plugins.h"
#include "prepare/process/build_job.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/record_store.h"
#include "prepare/store/revision_store.h"
#include "prepare/store/secret_store.h"
#include "prepare/store/state_dir.h"
#include "prepare/store/volume_store.h"

#include <stdlib.h>

#define RUN_LOCK          "run.lock"
#define SAVE_S            10 /* between two looks at what is to be written of revisions and their requests */
#define NETWORK_NAME      "berth"
#define BUILDER_NETWORK   "berth-builders"
#define MEMORY_PERCENT    75 /* of the machine's, for all instances together, unless set */
#define INSTANCES_DEFAULT 512

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (unsigned)cores : 1;
}

/* What a predecessor has left there is nobody else's, as the lock tells. */
static int prepare_run_dir(struct fleet *fleet, const char *run_dir, struct descriptors *given,
                           struct error *err)
{
    if (private_dir_open(run_dir, RUN_LOCK, &fleet->run_dir, err) < 0)
        return error_prefix(err, "the run directory");
    fleet->instances_dir = xasprintf("%s/i", fleet->run_dir);
    fleet->run_lock = descriptors_take(given, DESCRIPTOR_RUN_LOCK);
    if (fleet_mend_run_dir(fleet, err) < 0)
        return -1;
    fleet->env.run_dir = fleet->instances_dir;
    fleet->env.owner_id = fleet->owner.id;
    fleet->env.adoption = adoption_create(&fleet->env);
    return 0;
}

int fleet_mend_run_dir(struct fleet *fleet, struct error *err)
{
    cleanup_free char *same = NULL;
    const int former = fleet->run_lock;
    if (private_dir_open(fleet->run_dir, RUN_LOCK, &same, err) < 0)
        return error_prefix(err, "the run directory");
    fleet->run_lock = -1;
    if (owner_take_lock(fleet->run_dir, RUN_LOCK, former, &fleet->run_lock, err) < 0)
        return -1;
    return fs_make_dirs(fleet->instances_dir, 0700, err);
}

static bool is_left(const void *context, const char *instance)
{
    const struct fleet *fleet = context;
    return adoption_has(fleet->env.adoption, instance);
}

/* Without it everything but secrets works. */
static void open_memory(struct fleet *fleet)
{
    struct error err;
    if (instance_memory_open(fleet->run_dir, fleet->owner.id, is_left, fleet, &fleet->memory_dir, &err) < 0)
        log_warning("memory.unavailable", LOG_ERR(&err));
    fleet->env.memory_dir = fleet->memory_dir;
}

static int open_stores(struct fleet *fleet, const char *state_dir, struct error *err)
{
    struct fleet_env *env = &fleet->env;
    if (background_create(env->base, &fleet->background, err) < 0 ||
        background_create(env->base, &env->logins, err) < 0 ||
        package_store_open(state_dir, fleet->background, &env->packages, err) < 0 ||
        dependency_store_open(state_dir, fleet->background, &env->dependencies, err) < 0 ||
        record_store_open(state_dir, fleet->background, &env->records, err) < 0 ||
        revision_store_open(state_dir, fleet->background, &env->revisions, err) < 0 ||
        volume_store_open(state_dir, fleet->background, &env->volumes, err) < 0 ||
        secret_store_open(state_dir, fleet->secret_key_file, &env->secrets, err) < 0)
        return -1;
    return world_make(state_dir, &fleet->world_dir, err);
}

/* The rules are made while the engine makes the container. */
static void on_builder_starts(void *context, char *const *argv, char *const *environment)
{
    const struct fleet *fleet = context;
    for (; argv && *argv; argv++)
        engine_add_mirrors(fleet->env.engine, *argv);
    for (; environment && *environment; environment++)
        engine_add_mirrors(fleet->env.engine, *environment);
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
        .background = fleet->background,
        .store = env->dependencies,
        .owner = fleet->owner.id,
        .network = BUILDER_NETWORK,
        .starts = on_builder_starts,
        .starts_context = fleet,
        .limits = {.memory_bytes = env->host->build_memory_bytes,
                   .cpus = env->host->build_cpus,
                   .disk_bytes = env->host->build_disk_bytes,
                   .timeout_ms = env->host->install_timeout_ms},
    };
    struct runtime_images_options images = {.docker = env->docker, .background = fleet->background};
    if (build_jobs_create(env->base, &jobs, &env->jobs, err) < 0 ||
        plugins_create(env->jobs, options->plugin_dir, &env->plugins, err) < 0 ||
        dependency_installs_create(&installs, &env->installs, err) < 0)
        return -1;
    env->images = runtime_images_create(&images);
    if (options->own_plugin_dir)
        plugins_add_folder(env->plugins, options->own_plugin_dir, options->plugin_owner);
    return 0;
}

static void init_budget(struct fleet *fleet)
{
    const struct host_settings *host = fleet->env.host;
    struct event_base *base = fleet->env.base;
    fleet->env.engine->budget = (struct budget){
        .max_instances = host->max_instances ? host->max_instances : INSTANCES_DEFAULT,
        .max_memory_bytes =
            host->max_memory_bytes ? host->max_memory_bytes : machine_memory() / 100 * MEMORY_PERCENT,
        .freed = evtimer_new(base, fleet_on_room_freed, fleet),
        .wanted = evtimer_new(base, fleet_on_room_wanted, fleet),
    };
}

static void create_engine(struct fleet *fleet)
{
    struct fleet_env *env = &fleet->env;
    const struct engine_hooks hooks = {.up = fleet_on_engine_up,
                                       .down = fleet_on_engine_down,
                                       .died = fleet_on_died,
                                       .signalled = fleet_on_signalled,
                                       .found = fleet_on_found,
                                       .is_known = fleet_is_known,
                                       .context = fleet};
    const struct docker_engine_options options = {
        .docker = env->docker,
        .owner_id = fleet->owner.id,
        .network = NETWORK_NAME,
        .builder_network = BUILDER_NETWORK,
        .firewall_program = fleet->firewall_program,
        .run_dir = fleet->run_dir,
        .name_server = env->host->name_server,
        .world_dir = fleet->world_dir,
        .dependencies_dir = dependency_store_dir(env->dependencies),
        .parallel = core_count(),
        .spare_networks = env->host->spare_networks,
    };
    env->engine = docker_engine_create(env->base, &options, &hooks);
    init_budget(fleet);
}

static void watch_sources(struct fleet *fleet, const struct fleet_options *options)
{
    const struct source_watch_options watch = {.base = options->base,
                                               .background = fleet->background,
                                               .config_path = options->config_path,
                                               .plugin_dir = options->plugin_dir,
                                               .own_plugin_dir = options->own_plugin_dir,
                                               .changed = fleet_on_source,
                                               .owner = fleet};
    if (options->host->watch)
        fleet->watch = source_watch_create(&watch);
}

static int create_parts(struct fleet *fleet, const struct fleet_options *options, struct error *err)
{
    struct fleet_env *env = &fleet->env;
    cleanup_free char *state_dir = NULL;
    fleet->host_path = xasprintf("%s/" KEPT_HOST, options->state_dir);
    if (state_dir_open(options->state_dir, &state_dir, err) < 0 ||
        owner_acquire(state_dir, descriptors_take(options->given, DESCRIPTOR_STATE_LOCK), &fleet->owner,
                      err) < 0)
        return -1;
    fleet->state_dir = xstrdup(state_dir);
    if (prepare_run_dir(fleet, options->run_dir, options->given, err) < 0 ||
        mailbox_init(&env->inbox, err) < 0)
        return -1;
    fleet->inbox_event = event_new(env->base, env->inbox.fd, EV_READ | EV_PERSIST, fleet_on_inbox, fleet);
    event_add(fleet->inbox_event, NULL);
    if (docker_create(env->base, env->host->docker_socket, &env->docker, err) < 0 ||
        open_stores(fleet, state_dir, err) < 0 || create_builders(fleet, options, err) < 0)
        return -1;
    open_memory(fleet);
    create_engine(fleet);
    watch_sources(fleet, options);
    env->losses = loss_book_create();
    env->prewarm = prewarm_create(env);
    env->warm = warm_keeper_create(env);
    fleet->routes_event = evtimer_new(env->base, fleet_on_routes, fleet);
    fleet->stop_check = evtimer_new(env->base, fleet_on_stop_check, fleet);
    fleet->save = event_new(env->base, -1, EV_PERSIST, fleet_on_save, fleet);
    event_add(fleet->save, &(struct timeval){.tv_sec = SAVE_S});
    fleet->collect = evtimer_new(env->base, fleet_on_collect, fleet);
    fleet->retry = evtimer_new(env->base, fleet_on_retry, fleet);
    fleet->adoption = evtimer_new(env->base, fleet_on_adoption, fleet);
    return 0;
}

int fleet_create(const struct fleet_options *options, const struct fleet_hooks *hooks,
                 struct fleet **ret_fleet, struct error *err)
{
    struct fleet *fleet = xcalloc(1, sizeof(*fleet));
    fleet->hooks = *hooks;
    fleet->host = *options->host;
    folder_list_copy(&fleet->volume_roots, &options->host->volume_roots);
    fleet->former_host = host_settings_keep(options->host);
    fleet->started = options->started;
    fleet->routes = options->routes;
    fleet->config_path = xstrdup(options->config_path);
    fleet->secret_key_file = xstrdup(options->secret_key_file);
    fleet->firewall_program = options->firewall_program ? xstrdup(options->firewall_program) : NULL;
    fleet->owner.lock_fd = -1;
    fleet->run_lock = -1;
    fleet->env = (struct fleet_env){.base = options->base,
                                    .host = &fleet->host,
                                    .volume_roots = &fleet->volume_roots,
                                    .doors = options->doors,
                                    .drain_ms = options->host->drain_timeout_ms,
                                    .inbox.fd = -1};
    if (create_parts(fleet, options, err) < 0) {
        fleet_destroy(fleet);
        return -1;
    }
    *ret_fleet = fleet;
    return 0;
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
    if (env->inbox.fd >= 0)
        mailbox_deliver(&env->inbox, fleet);
    warm_keeper_destroy(env->warm);
    prewarm_destroy(env->prewarm);
    adoption_destroy(env->adoption);
    dependency_installs_destroy(env->installs);
    image_prune_end(fleet->prune);
    runtime_images_destroy(env->images);
    fleet_end_reloads(fleet);
    plugins_destroy(env->plugins);
    build_jobs_destroy(env->jobs);
    engine_destroy(env->engine);
    docker_destroy(env->docker);
    loss_book_destroy(env->losses);
    background_destroy(env->logins);
    background_destroy(fleet->background);
    dependency_store_close(env->dependencies);
    package_store_close(env->packages);
    record_store_close(env->records);
    revision_store_close(env->revisions);
    volume_store_close(env->volumes);
    secret_store_close(env->secrets);
    instance_memory_close(fleet->memory_dir, fleet->released);
    generation_unref(fleet->generation);
    diagnostics_clear(&fleet->findings);
    folder_list_clear(&fleet->volume_roots);
    json_decref(fleet->former_host);
    free(fleet->unusable);
    free_event(fleet->inbox_event);
    free_event(fleet->routes_event);
    free_event(fleet->stop_check);
    free_event(fleet->collect);
    free_event(fleet->save);
    free_event(fleet->retry);
    free_event(fleet->adoption);
    if (env->inbox.fd >= 0)
        mailbox_clear(&env->inbox);
    if (fleet->run_lock >= 0)
        close(fleet->run_lock);
    owner_release(&fleet->owner);
    free(fleet->functions);
    free(fleet->spared);
    free(fleet->config_path);
    free(fleet->secret_key_file);
    free(fleet->firewall_program);
    free(fleet->run_dir);
    free(fleet->state_dir);
    free(fleet->world_dir);
    free(fleet->host_path);
    free(fleet->instances_dir);
    free(fleet);
}

void fleet_keep_output(struct fleet *fleet, struct log_store *logs)
{
    fleet->env.logs = logs;
}
