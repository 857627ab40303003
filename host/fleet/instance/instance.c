#include "fleet/instance/instance_inside.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/timer.h"
#include "docker/container.h"
#include "fleet/link/dial.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static const char *const state_names[] = {
    [INSTANCE_CREATING] = "creating", [INSTANCE_STARTING] = "starting", [INSTANCE_PREWARMED] = "prewarmed",
    [INSTANCE_LOADING] = "loading",   [INSTANCE_READY] = "ready",       [INSTANCE_DRAINING] = "draining",
    [INSTANCE_FAILED] = "failed",     [INSTANCE_REMOVING] = "removing",
};

const char *instance_state_name(enum instance_state state)
{
    return state_names[state];
}

void instance_change_state(struct instance *instance, enum instance_state state)
{
    uint64_t now_ms = clock_ms();
    log_event(state == INSTANCE_FAILED ? LOG_WARNING : LOG_INFO, "instance.state",
              LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
              LOG_STR("runtime", instance->spec.runtime), LOG_STR("from", state_names[instance->state]),
              LOG_STR("to", state_names[state]), LOG_INT("age_ms", now_ms - instance->times.created_ms),
              LOG_STR("why", instance->why_removed));
    instance->state = state;
    instance->phase_began_ms = now_ms;
}

/* After a docker call that belongs to starting: true when the instance is on its way out and the callback
 * must only go on with that. */
static bool left_behind(struct instance *instance)
{
    instance->call = NULL;
    if (instance->state == INSTANCE_REMOVING) {
        instance_queue_removal(instance);
        return true;
    }
    return false;
}

/* What the engine refuses comes from the plugin or from the settings. */
static void fail_to_start(struct instance *instance, const struct error *err)
{
    struct error refused = *err;
    if (err->code == ERROR_DOCKER_REQUEST)
        error_hint(&refused,
                   "Docker will refuse it again: look at what the plugin of \"%s\" launches, and at the "
                   "function's memory, cpus and network",
                   instance->spec.runtime);
    instance_fail(instance, &refused);
}

static void on_started(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    if (left_behind(instance))
        return;
    if (err && instance_is_alive(instance)) {
        fail_to_start(instance, err);
        return;
    }
    instance->container_started = true;
    if (instance->state != INSTANCE_STARTING)
        engine_queue_finish(instance->env->queue, &instance->ticket);
}

/* Whether a container may be there although Docker reported a failure to make it. */
static bool may_exist(const struct error *err)
{
    return err->code != ERROR_IMAGE_MISSING && err->code != ERROR_CONFLICT &&
           err->code != ERROR_DOCKER_REQUEST;
}

/* The container is there: from now on it may dial, and its end means something. */
static void start_container(struct instance *instance)
{
    struct error err;
    instance->times.create_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    instance_change_state(instance, INSTANCE_STARTING);
    if (dial_listen(instance->dial, &err) < 0)
        instance_fail(instance, &err);
    else
        instance->call =
            docker_container_start(instance->env->docker, instance->container_id, on_started, instance);
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    struct instance *instance = owner;
    if (id)
        instance->container_id = xstrdup(id);
    else if (may_exist(err)) /* then it can be removed by its name */
        instance->container_id = container_spec_name(
            &instance->spec, instance->specialised ? NULL : instance->function, instance->name);
    if (left_behind(instance))
        return;
    if (err)
        fail_to_start(instance, err);
    else
        start_container(instance);
}

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

/* Makes the directories that its container gets: with the socket and the pipes, and for its code. */
static int open_directories(struct instance *instance, struct error *err)
{
    const struct fleet_env *env = instance->env;
    if (dial_open(env, instance->name, instance_on_dialled, instance, &instance->dial, err) < 0 ||
        instance_output_open(env, dial_dir(instance->dial), instance->name, &instance->pipes, err) < 0 ||
        make_code_dir(instance, err) < 0)
        return -1;
    if (instance->load_given_ms > 0)
        instance_output_follow(instance->pipes, instance->output);
    return 0;
}

/* Its turn has come: makes the directories, then the container. */
static void run_start(void *owner)
{
    struct instance *instance = owner;
    if (instance->hooks.wanted && !instance->hooks.wanted(instance, instance->owner)) {
        instance_remove_container(instance, "no longer wanted");
        return;
    }
    struct error err;
    if (open_directories(instance, &err) < 0) {
        instance_fail(instance, &err);
        return;
    }
    instance->phase_began_ms = clock_ms();
    timer_at(instance->timer, clock_ms() + instance->start_timeout_ms, clock_ms());
    const struct container_place place = {
        .function = instance->function,
        .instance = instance->name,
        .dial_dir = dial_dir(instance->dial),
        .code_dir = instance->code_dir ? instance->code_dir : instance->spec.code_dir,
    };
    instance->call = container_spec_create(instance->env, &instance->spec, &place, on_created, instance);
}

static void pick_id(struct instance *instance)
{
    ident_random(instance->name, INSTANCE_ID_DIGITS);
    instance->id = strtoull(instance->name, NULL, 16);
}

struct instance *instance_start(struct fleet_env *env, const struct instance_spec *spec,
                                const struct instance_load *load, const struct instance_hooks *hooks,
                                struct engine_account *account, void *owner)
{
    struct instance *instance = xcalloc(1, sizeof(*instance));
    instance->env = env;
    instance->hooks = *hooks;
    instance->owner = owner;
    instance->first_fd = -1;
    instance->start_timeout_ms = env->host->start_timeout_ms;
    instance->times.created_ms = clock_ms();
    pick_id(instance);
    container_spec_init(&instance->spec, spec);
    env->budget.instances++;
    env->budget.memory_bytes += spec->memory_bytes;
    instance->timer = evtimer_new(env->base, instance_on_timer, instance);
    if (load)
        instance_take_load(instance, load);
    instance->ticket.run = run_start;
    instance->ticket.owner = instance;
    engine_queue_start(env->queue, &instance->ticket, account);
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

void instance_set_timeout(struct instance *instance, unsigned timeout_ms)
{
    instance->timeout_ms = timeout_ms;
}

enum instance_state instance_current_state(const struct instance *instance)
{
    return instance->state;
}

const struct instance_times *instance_phase_times(const struct instance *instance)
{
    return &instance->times;
}

bool instance_is_on_its_way(const struct instance *instance)
{
    return instance->state <= INSTANCE_STARTING && instance->ticket.state == TICKET_RUNNING &&
           instance->load_given_ms == 0;
}

const char *instance_start_phase(const struct instance *instance, uint64_t *ret_since_ms)
{
    *ret_since_ms = instance->load_given_ms ? instance->load_given_ms : instance->times.created_ms;
    if (instance->ticket.state == TICKET_WAITING)
        return "others are started first";
    if (instance->state == INSTANCE_CREATING)
        return "Docker has not made its container yet";
    if (!instance->container_started)
        return "Docker has not started its container yet";
    return instance->state == INSTANCE_STARTING ? "its runner has not connected yet"
                                                : "it loads the function";
}

uint64_t instance_served_ms(const struct instance *instance)
{
    if (instance->ready_ms == 0)
        return 0;
    return (instance->lost_ms ? instance->lost_ms : clock_ms()) - instance->ready_ms + 1;
}

const char *instance_traceback(const struct instance *instance)
{
    return instance->traceback;
}

char *instance_last_output(const struct instance *instance)
{
    return instance->pipes ? output_tail_join(instance_output_tail(instance->pipes)) : NULL;
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
