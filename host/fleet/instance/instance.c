#include "fleet/instance/instance_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/instance/init_text.h"
#include "fleet/instance/instance_memory.h"
#include "fleet/instance/instance_mounts.h"
#include "fleet/instance/secret_hide.h"
#include "fleet/link/dial.h"
#include "fleet/link/tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const struct link_hooks instance_link_hooks = {.reached = instance_on_reached,
                                               .prewarmed = instance_on_prewarmed,
                                               .loaded = instance_on_loaded,
                                               .connection = instance_on_connection};

/* --- what the container tells --- */

/* Whatever the umask: it is the container's user that has to get into it. */
static int make_code_dir(struct instance *instance, struct error *err)
{
    if (instance->spec.code_dir)
        return 0;
    instance->code_dir = xasprintf("%s/%s.code", instance->env->run_dir, instance->name);
    if (fs_make_dirs(instance->code_dir, 0755, err) < 0)
        return -1;
    return chmod(instance->code_dir, 0755) < 0
               ? error_errno(err, COMPONENT_FLEET, errno, "cannot set the mode of %s", instance->code_dir)
               : 0;
}

static int open_link(struct instance *instance, const char *dir, struct error *err)
{
    const struct container_spec *spec = &instance->spec;
    struct event_base *base = instance->env->base;
    return spec->port > 0 ? tcp_open(base, dir, spec->port, spec->ready_path, &instance_link_hooks, instance,
                                     &instance->link, err)
                          : dial_open(base, dir, &instance_link_hooks, instance, &instance->link, err);
}

/* A folder for secrets, whether its function has some or is not known yet; those of one that is known are in
 * it from the start. */
static int make_secrets(struct instance *instance, struct error *err)
{
    const struct fleet_env *env = instance->env;
    const struct container_user user = container_user_of(instance->spec.user);
    if (env->memory_dir &&
        instance_memory_make(env->memory_dir, instance->name, &user, &instance->secrets_dir, err) < 0)
        return -1;
    return instance_fill_secrets(instance, instance->secrets, instance->secret_count, err);
}

/* What a server that asks for no settings finds in its environment although Docker does not have it; NULL:
 * nothing. The caller frees *ret_path. */
static int write_environment(const struct instance *instance, char **ret_path, struct error *err)
{
    const struct fleet_env *env = instance->env;
    const struct container_user user = container_user_of(instance->spec.user);
    cleanup_locked struct locked entries = {0};
    if (instance->spec.port == 0)
        return 0;
    if (init_text_environment(instance->secrets, instance->secret_count, env->secrets, &entries, err) < 0)
        return -1;
    return entries.size == 0 ? 0
                             : instance_memory_write_environment(env->memory_dir, instance->name, &user,
                                                                 &entries, ret_path, err);
}

/* Makes what it has of this host, and asks for the container. */
static int begin_start(struct instance *instance, struct error *err)
{
    const struct fleet_env *env = instance->env;
    cleanup_free char *dir = xasprintf("%s/%s", env->run_dir, instance->name);
    cleanup_free char *name = container_spec_name(&instance->spec, instance->function, instance->name);
    cleanup_free char *environment = NULL;
    if (fs_make_dirs(env->run_dir, 0700, err) <
        0) /* somebody may have removed it: it stays closed to others */
        return -1;
    if (instance_mounts_prepare(env, &instance->spec, err) < 0 || open_link(instance, dir, err) < 0 ||
        instance_door_prepare(instance, dir, err) < 0 || make_code_dir(instance, err) < 0 ||
        make_secrets(instance, err) < 0 || write_environment(instance, &environment, err) < 0)
        return -1;
    const struct container_place place = {
        .name = name,
        .instance = instance->name,
        .link_variable = link_variable(instance->link),
        .run_dir = link_dir(instance->link),
        .code_dir = instance->code_dir ? instance->code_dir : instance->spec.code_dir,
        .secrets_dir = instance->secrets_dir,
        .environment_file = environment,
    };
    return container_create(instance->container, &instance->spec, &place, err);
}

static void on_turn(void *owner)
{
    struct instance *instance = owner;
    if (instance->hooks.wanted && !instance->hooks.wanted(instance, instance->owner)) {
        instance_remove_container(instance, "no longer wanted");
        return;
    }
    struct error err;
    if (begin_start(instance, &err) < 0) {
        instance_fail(instance, &err);
        return;
    }
    instance->phase_began_ms = clock_ms();
    timer_at(instance->timer, instance->phase_began_ms + instance->start_timeout_ms,
             instance->phase_began_ms);
    instance_follow_output(instance);
}

/* The container is there: from now on it may dial, and its end means something. */
static void on_created(void *owner)
{
    struct instance *instance = owner;
    struct error err;
    instance->times.create_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    instance_change_state(instance, INSTANCE_STARTING);
    if (doorway_listen(instance->doorway, &err) < 0 || link_listen(instance->link, &err) < 0)
        instance_fail(instance, &err);
    else
        container_start(instance->container);
}

static void on_started(void *owner)
{
    struct instance *instance = owner;
    if (instance->state == INSTANCE_STARTING && link_is_reached_out(instance->link))
        container_locate(instance->container);
}

/* One that has ended meanwhile says why by that. */
static void on_located(void *owner, const struct error *err, const struct container_state *state)
{
    struct instance *instance = owner;
    struct error failure;
    if (instance->state != INSTANCE_STARTING)
        return;
    if (err)
        instance_fail(instance, err);
    else if (!state->running)
        instance_container_died(instance);
    else if (link_reach(instance->link, state->address, state->process, &failure) < 0)
        instance_fail(instance, &failure);
}

/* What the engine refuses comes from the plugin or from the settings. */
static void on_failed(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    struct error refused = *err;
    if (!instance_is_alive(instance))
        return;
    if (err->code == ERROR_DOCKER_REQUEST)
        error_hint(&refused,
                   "Docker will refuse it again: look at what the plugin of \"%s\" launches, and at the "
                   "function's memory, cpus and network",
                   instance->spec.runtime);
    instance_fail(instance, &refused);
}

static void on_ended(void *owner)
{
    instance_container_died(owner);
}

static void remove_folder(const struct instance *instance, const char *path)
{
    struct error err;
    if (path && fs_remove_tree(path, &err) < 0)
        log_warning("instance.folder-left", LOG_STR("instance", instance->name), LOG_ERR(&err));
}

/* All that it has of this host. */
static void remove_files(const struct instance *instance)
{
    if (instance->link)
        link_close(instance->link);
    else
        remove_folder(instance, instance->dir);
    remove_folder(instance, instance->code_dir);
    if (instance->secrets_dir)
        instance_memory_remove(instance->env->memory_dir, instance->name);
}

static void instance_free(struct instance *instance)
{
    instance_close_connections(instance);
    instance_door_close(instance);
    call_book_unref(instance->calls);
    container_free(instance->container);
    json_decref(instance->settings);
    json_decref(instance->report);
    if (instance->pool)
        slot_pool_unref(instance->pool);
    if (instance->leaves)
        link_leave(instance->link);
    else
        remove_files(instance);
    event_free(instance->timer);
    secret_uses_free(instance->secrets, instance->secret_count);
    container_spec_clear(&instance->spec);
    free(instance->dir);
    free(instance->code_dir);
    free(instance->secrets_dir);
    free(instance->traceback);
    free(instance->function);
    free(instance->revision);
    free(instance);
}

static void on_gone(void *owner)
{
    struct instance *instance = owner;
    if (!instance->is_uncounted)
        budget_give_back(&instance->env->engine->budget, instance->spec.memory_bytes);
    log_info("instance.gone", LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
             LOG_INT("age_ms", clock_ms() - instance->times.created_ms));
    instance->hooks.gone(instance, instance->owner);
    instance_free(instance);
}

const struct container_hooks instance_container_hooks = {
    .turn = on_turn,
    .created = on_created,
    .failed = on_failed,
    .started = on_started,
    .located = on_located,
    .limited = instance_on_limited,
    .ended = on_ended,
    .explained = instance_on_explained,
    .gone = on_gone,
};

/* --- what time tells --- */

static void on_start_timeout(struct instance *instance)
{
    struct error cause;
    if (container_is_started(instance->container)) {
        instance_give_up(instance, AUTOPSY_TIMED_OUT);
        return;
    }
    error_set(&cause, ERROR_DOCKER_START_TIMEOUT, "Docker did not start the container within %u ms",
              instance->start_timeout_ms);
    instance_fail(instance, &cause);
}

/* Whatever the timer stands for at the moment. */
static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct instance *instance = context;
    if (instance->state == INSTANCE_READY)
        instance_settle(instance);
    else if (instance->state != INSTANCE_DRAINING)
        on_start_timeout(instance);
    else if (container_is_examined(instance->container))
        instance->overdue = true; /* but those whose requests were lost learn why first */
    else
        instance_cut_off(instance);
}

/* --- from outside --- */

struct instance *instance_make(struct fleet_env *env, const char *name, const struct container_spec *spec,
                               const struct instance_hooks *hooks, void *owner)
{
    struct instance *instance = xcalloc(1, sizeof(*instance));
    instance->env = env;
    instance->hooks = *hooks;
    instance->owner = owner;
    instance->start_timeout_ms = env->host->start_timeout_ms;
    instance->door_fd = -1;
    instance->calls = call_book_create();
    instance->times.created_ms = clock_ms();
    if (name)
        memcpy(instance->name, name, INSTANCE_ID_DIGITS);
    else
        ident_random(instance->name, INSTANCE_ID_DIGITS);
    instance->id = strtoull(instance->name, NULL, 16);
    container_spec_copy(spec, &instance->spec);
    budget_take(&env->engine->budget, spec->memory_bytes);
    instance->timer = evtimer_new(env->base, on_timer, instance);
    return instance;
}

struct instance *instance_start(struct fleet_env *env, const struct container_spec *spec,
                                const struct instance_load *load, const struct instance_hooks *hooks,
                                struct engine_account *account, void *owner)
{
    struct instance *instance = instance_make(env, NULL, spec, hooks, owner);
    if (load)
        instance_take_load(instance, load);
    instance->container =
        container_queue(env->engine, instance->name, &instance_container_hooks, account, instance);
    return instance;
}

uint64_t instance_id(const struct instance *instance)
{
    return instance->id;
}

const char *instance_name(const struct instance *instance)
{
    return instance->name;
}

const char *instance_code_dir(const struct instance *instance)
{
    return instance->code_dir;
}

void instance_reserve(struct instance *instance)
{
    instance_forget(instance);
}

int instance_fill_secrets(struct instance *instance, const struct secret_use *secrets, size_t count,
                          struct error *err)
{
    const struct container_user user = container_user_of(instance->spec.user);
    if (count > 0 && !instance->secrets_dir)
        return error_set(err, ERROR_SECRET_MISSING, "this host has no folder in memory for the secret \"%s\"",
                         secrets[0].name);
    return instance_memory_fill(instance->secrets_dir, &user, secrets, count, instance->env->secrets, err);
}

void instance_set_timeout(struct instance *instance, unsigned timeout_ms)
{
    instance->timeout_ms = timeout_ms;
}

void instance_set_start_timeout(struct instance *instance, unsigned start_timeout_ms)
{
    instance->start_timeout_ms = start_timeout_ms;
}

enum instance_state instance_current_state(const struct instance *instance)
{
    return instance->state;
}

const struct instance_times *instance_phase_times(const struct instance *instance)
{
    return &instance->times;
}

bool instance_was_prewarmed(const struct instance *instance)
{
    return instance->specialised;
}

bool instance_is_on_its_way(const struct instance *instance)
{
    return instance->state <= INSTANCE_STARTING && !container_waits(instance->container) &&
           instance->load_given_ms == 0 && !instance->spec.ahead;
}

const char *instance_start_phase(const struct instance *instance, uint64_t *ret_since_ms)
{
    *ret_since_ms = instance->load_given_ms ? instance->load_given_ms : instance->times.created_ms;
    if (container_waits(instance->container))
        return "others are started first";
    if (instance->state == INSTANCE_CREATING)
        return "Docker has not made its container yet";
    if (!container_is_started(instance->container))
        return "Docker has not started its container yet";
    if (instance->state != INSTANCE_STARTING)
        return "it loads the function";
    return instance->spec.port > 0 ? "its server is not ready yet" : "its runner has not connected yet";
}

uint64_t instance_served_ms(const struct instance *instance)
{
    if (instance->ready_ms == 0)
        return 0;
    return (instance->lost_ms ? instance->lost_ms : clock_ms()) - instance->ready_ms + 1;
}

const json_t *instance_module_report(const struct instance *instance)
{
    return instance->report;
}

const char *instance_traceback(const struct instance *instance)
{
    return instance->traceback;
}

char *instance_last_output(const struct instance *instance)
{
    const struct container_output *output = container_output_of(instance->container);
    char *text = output ? output_tail_join(container_output_tail(output)) : NULL;
    if (text)
        secret_hide(instance->secrets, instance->secret_count, instance->env->secrets, text);
    return text;
}

void instance_usage(const struct instance *instance, unsigned *ret_slots, unsigned *ret_busy,
                    uint64_t *ret_idle_since_ms)
{
    if (instance->group) {
        slot_group_usage(instance->group, ret_slots, ret_busy, ret_idle_since_ms);
    } else {
        *ret_slots = *ret_busy = 0;
        *ret_idle_since_ms = 0;
    }
}
