#include "fleet/instance.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "docker/container.h"
#include "fleet/autopsy.h"
#include "fleet/container_spec.h"
#include "fleet/dial.h"
#include "fleet/engine_queue.h"
#include "fleet/handshake.h"
#include "fleet/instance_log.h"
#include "fleet/loss_book.h"

#include <stdlib.h>
#include <string.h>

#define REMOVE_TRIES    6
#define REMOVE_RETRY_MS 100 /* before the second try; doubling */

struct instance {
    struct fleet_env *env;
    struct instance_hooks hooks;
    void *owner;
    uint64_t id;
    char name[INSTANCE_ID_DIGITS + 1];
    enum instance_state state;
    struct container_spec spec;
    char *function; /* NULL while prewarmed */
    const char *why_removed;
    bool failure_reported;

    char *container_id;
    bool container_started;
    bool container_dead;
    struct docker_call *call;                     /* create, start, stop or remove: one at a time */
    struct docker_call *update, *rename, *verify; /* run beside the above */
    struct engine_ticket ticket;
    struct event *timer; /* start limit, then drain limit, then the next try to remove */
    unsigned remove_tries;
    struct autopsy *autopsy;
    struct instance_log *log;

    struct dial *dial;
    struct handshake *handshake;
    int first_fd;   /* the connection that init goes over; -1: none, or given to the pool */
    int *early_fds; /* connections that came before init was answered */
    unsigned early_count;

    bool load_given, loaded, updated;
    bool specialised;   /* was started without a load: its container has not the name of its function yet */
    bool limits_differ; /* ... nor its limits */
    struct slot_pool *pool;
    struct slot_group *group;
    json_t *settings;
    char *package;
    size_t package_size;
    unsigned concurrency;

    struct instance_times times;
    uint64_t phase_began_ms, ready_ms, lost_ms, drained_by_ms; /* 0: not yet */
};

static const char *const state_names[] = {
    [INSTANCE_STARTING] = "starting", [INSTANCE_PREWARMED] = "prewarmed", [INSTANCE_LOADING] = "loading",
    [INSTANCE_READY] = "ready",       [INSTANCE_DRAINING] = "draining",   [INSTANCE_FAILED] = "failed",
    [INSTANCE_REMOVING] = "removing",
};

const char *instance_state_name(enum instance_state state)
{
    return state_names[state];
}

/* The one place where the state changes. */
static void change_state(struct instance *instance, enum instance_state state)
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

static bool is_alive(const struct instance *instance)
{
    return instance->state < INSTANCE_FAILED;
}

/* --- the end --- */

static void close_connections(struct instance *instance)
{
    handshake_cancel(steal(&instance->handshake));
    if (instance->first_fd >= 0)
        close(steal_fd(&instance->first_fd));
    for (unsigned i = 0; i < instance->early_count; i++)
        close(instance->early_fds[i]);
    instance->early_count = 0;
}

/* What was only needed until the function is loaded. */
static void drop_load(struct instance *instance)
{
    json_decref(instance->settings);
    instance->settings = NULL;
    free(instance->package);
    instance->package = NULL;
}

static void instance_free(struct instance *instance)
{
    instance_log_stop(instance->log);
    autopsy_cancel(instance->autopsy);
    docker_cancel(instance->call);
    docker_cancel(instance->update);
    docker_cancel(instance->rename);
    docker_cancel(instance->verify);
    engine_queue_finish(instance->env->queue, &instance->ticket);
    close_connections(instance);
    drop_load(instance);
    if (instance->pool)
        slot_pool_unref(instance->pool);
    dial_close(instance->dial);
    event_free(instance->timer);
    container_spec_clear(&instance->spec);
    free(instance->early_fds);
    free(instance->container_id);
    free(instance->function);
    free(instance);
}

static void on_gone(struct instance *instance)
{
    instance->env->budget.instances--;
    instance->env->budget.memory_bytes -= instance->spec.memory_bytes;
    event_active(instance->env->room_freed, EV_TIMEOUT, 0);
    log_info("instance.gone", LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
             LOG_INT("age_ms", clock_ms() - instance->times.created_ms));
    instance->hooks.gone(instance, instance->owner);
    instance_free(instance);
}

/* What Docker could not remove now it may be able to remove later; what it never can is found again when the
 * engine is looked at the next time. */
static void on_removed(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->call = NULL;
    if (!err || strcmp(err->reason, "not-found") == 0) {
        on_gone(instance);
    } else if (++instance->remove_tries < REMOVE_TRIES) {
        engine_queue_finish(instance->env->queue, &instance->ticket);
        uint64_t now_ms = clock_ms();
        fleet_timer_at(instance->timer, now_ms + (REMOVE_RETRY_MS << (instance->remove_tries - 1)), now_ms);
    } else {
        log_warning("instance.container-left", LOG_STR("instance", instance->name), LOG_ERR(err));
        on_gone(instance);
    }
}

static void on_stopped(void *owner, const struct error *err)
{
    (void)err; /* removal is forced, so whatever kept it from stopping does not matter */
    struct instance *instance = owner;
    instance->container_dead = true;
    instance->call =
        docker_container_remove(instance->env->docker, instance->container_id, true, on_removed, instance);
}

static void run_removal(void *owner)
{
    struct instance *instance = owner;
    if (instance->container_started && !instance->container_dead)
        instance->call = docker_container_stop(instance->env->docker, instance->container_id,
                                               CONTAINER_STOP_S, on_stopped, instance);
    else
        on_stopped(instance, NULL);
}

/* Without a container there is nothing to ask Docker for, but the end comes from the event loop all the same.
 */
static void queue_removal(struct instance *instance)
{
    engine_queue_finish(instance->env->queue, &instance->ticket);
    if (!instance->container_id) {
        fleet_timer_at(instance->timer, 0, 0);
        return;
    }
    instance->ticket.run = run_removal;
    engine_queue_remove(instance->env->queue, &instance->ticket);
}

/* Begins the removal; when Docker is just creating or starting the container, that call's callback goes on.
 */
static void remove_container(struct instance *instance, const char *why)
{
    instance->why_removed = why;
    change_state(instance, INSTANCE_REMOVING);
    event_del(instance->timer);
    autopsy_cancel(steal(&instance->autopsy));
    close_connections(instance);
    drop_load(instance);
    if (!instance->call)
        queue_removal(instance);
}

/* Reports a failure, once, and removes the container. */
static void fail(struct instance *instance, const struct error *cause)
{
    if (!instance->failure_reported) {
        instance->failure_reported = true;
        if (instance->ready_ms > 0)
            loss_book_add(instance->env->losses, instance->id, cause);
        log_warning("instance.failed", LOG_STR("instance", instance->name),
                    LOG_STR("function", instance->function), LOG_STR("runtime", instance->spec.runtime),
                    LOG_ERR(cause));
        instance->hooks.failed(instance, cause, instance->owner);
    }
    if (instance->state != INSTANCE_REMOVING)
        remove_container(instance, "failed");
}

static const char *phase_name(const struct instance *instance)
{
    switch (instance->state) {
    case INSTANCE_STARTING:
        return "it was starting";
    case INSTANCE_PREWARMED:
        return "it waited for a function";
    case INSTANCE_LOADING:
        return "it loaded the function";
    default:
        return "it served";
    }
}

static void on_autopsy(void *owner, const struct error *cause)
{
    struct instance *instance = owner;
    instance->autopsy = NULL;
    fail(instance, cause);
}

/* The instance is lost; finds out why before it is removed. */
static void give_up(struct instance *instance, enum autopsy_case what)
{
    if (!is_alive(instance))
        return;
    const char *phase = phase_name(instance);
    if (instance->group)
        slot_pool_retire_group(steal(&instance->group), RETIRE_DRAIN);
    instance->lost_ms = clock_ms();
    change_state(instance, INSTANCE_FAILED);
    event_del(instance->timer);
    close_connections(instance);
    instance->autopsy = autopsy_start(instance->env, instance->container_id, what, phase,
                                      instance->spec.memory_bytes, on_autopsy, instance);
}

void instance_container_died(struct instance *instance)
{
    instance->container_dead = true;
    give_up(instance, AUTOPSY_DIED);
}

static void on_verified(void *owner, const struct error *err, const struct docker_state *state)
{
    struct instance *instance = owner;
    instance->verify = NULL;
    if (err ? strcmp(err->reason, "not-found") == 0 : !state->running)
        instance_container_died(instance);
    else
        instance_log_resume(instance->log);
}

void instance_verify(struct instance *instance)
{
    if (is_alive(instance) && instance->container_started && !instance->verify)
        instance->verify =
            docker_container_inspect(instance->env->docker, instance->container_id, on_verified, instance);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct instance *instance = context;
    if (instance->state == INSTANCE_REMOVING && !instance->container_id) {
        on_gone(instance);
    } else if (instance->state == INSTANCE_REMOVING) {
        queue_removal(instance);
    } else if (instance->state == INSTANCE_DRAINING) {
        remove_container(instance, "drain-timeout");
    } else if (instance->container_started) {
        give_up(instance, AUTOPSY_TIMED_OUT);
    } else {
        struct error cause;
        error_set(&cause, "docker", "start-timeout", "Docker did not start the container within %u ms",
                  instance->env->host->start_timeout_ms);
        fail(instance, &cause);
    }
}

/* --- loading --- */

static void add_slot(struct instance *instance, int fd)
{
    slot_pool_add_slot(instance->group, fd, clock_ms());
}

/* The function is loaded and the limits are right: its connections become slots. */
static void become_ready(struct instance *instance)
{
    event_del(instance->timer);
    instance->times.load_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    instance->ready_ms = clock_ms();
    change_state(instance, INSTANCE_READY);
    instance->group = slot_pool_add_group(instance->pool, instance->id);
    add_slot(instance, steal_fd(&instance->first_fd));
    for (unsigned i = 0; i < instance->early_count; i++)
        add_slot(instance, instance->early_fds[i]);
    instance->early_count = 0;
    drop_load(instance);
    instance->log =
        instance_log_start(instance->env, instance->container_id, instance->function, instance->name);
    instance->hooks.ready(instance, instance->owner);
}

static void on_updated(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->update = NULL;
    instance->updated = true;
    if (!is_alive(instance))
        return;
    if (err)
        fail(instance, err);
    else if (instance->loaded)
        become_ready(instance);
}

static void on_renamed(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->rename = NULL;
    if (err)
        log_warning("instance.rename-failed", LOG_STR("instance", instance->name), LOG_ERR(err));
}

static void on_loaded(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->handshake = NULL;
    if (!err) {
        instance->loaded = true;
        if (instance->updated)
            become_ready(instance);
    } else if (strcmp(err->reason, "runner-gone") == 0) {
        give_up(instance, AUTOPSY_DIED); /* the container's end says more than its connection's */
    } else {
        fail(instance, err);
    }
}

static void take_load(struct instance *instance, const struct instance_load *load)
{
    instance->load_given = true;
    instance->function = xstrdup(load->function);
    instance->pool = slot_pool_ref(load->pool);
    instance->settings = json_copy((json_t *)load->settings);
    instance->concurrency = load->concurrency;
    instance->early_fds = xcalloc(load->concurrency, sizeof(*instance->early_fds));
    instance->updated = true;
    if (load->package_size > 0) {
        instance->package = xmalloc(load->package_size);
        memcpy(instance->package, load->package, load->package_size);
        instance->package_size = load->package_size;
    }
}

/* From now on the instance counts with the function's limits. */
static void take_limits(struct instance *instance, const struct instance_load *load)
{
    instance->limits_differ =
        load->memory_bytes != instance->spec.memory_bytes || load->cpus != instance->spec.cpus;
    instance->env->budget.memory_bytes += load->memory_bytes - instance->spec.memory_bytes;
    instance->spec.memory_bytes = load->memory_bytes;
    instance->spec.cpus = load->cpus;
}

/* Gives a container that was started for any function the limits and the name of this one, while the
 * function loads. */
static void adapt_container(struct instance *instance)
{
    struct docker *docker = instance->env->docker;
    if (instance->limits_differ) {
        struct docker_limits limits = {.memory_bytes = instance->spec.memory_bytes,
                                       .cpus = instance->spec.cpus};
        instance->updated = false;
        instance->update =
            docker_container_update(docker, instance->container_id, &limits, on_updated, instance);
    }
    char *name = container_spec_name(&instance->spec, instance->function, instance->name);
    instance->rename = docker_container_rename(docker, instance->container_id, name, on_renamed, instance);
    free(name);
}

/* Sends init over the first connection; needs a load and a connection. */
static void begin_loading(struct instance *instance)
{
    change_state(instance, INSTANCE_LOADING);
    json_object_set_new(instance->settings, "instance", json_string(instance->name));
    char *settings = json_dumps(instance->settings, JSON_COMPACT);
    instance->handshake = handshake_start(instance->env, instance->first_fd, settings, instance->package,
                                          instance->package_size, on_loaded, instance);
    free(settings);
    fleet_timer_at(instance->timer, clock_ms() + instance->env->host->start_timeout_ms, clock_ms());
    if (instance->specialised)
        adapt_container(instance);
}

void instance_load(struct instance *instance, const struct instance_load *load,
                   const struct instance_hooks *hooks, void *owner)
{
    instance->hooks = *hooks;
    instance->owner = owner;
    take_load(instance, load);
    take_limits(instance, load);
    instance->specialised = true;
    if (instance->state == INSTANCE_PREWARMED)
        begin_loading(instance);
    else /* its runner has yet to dial */
        log_info("instance.claimed", LOG_STR("instance", instance->name),
                 LOG_STR("function", instance->function),
                 LOG_INT("age_ms", clock_ms() - instance->times.created_ms));
}

/* --- starting --- */

/* How many connections the instance holds or has given to its pool. */
static unsigned connection_count(const struct instance *instance)
{
    unsigned slots = 0;
    if (instance->group)
        slot_group_usage(instance->group, &slots, &(unsigned){0}, &(uint64_t){0});
    return slots + instance->early_count + (instance->first_fd >= 0);
}

static void on_first_dial(struct instance *instance, int fd)
{
    instance->first_fd = fd;
    instance->container_started = true; /* a runner may dial before Docker's answer to start is here */
    instance->times.start_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    if (!instance->call)
        engine_queue_finish(instance->env->queue, &instance->ticket);
    if (instance->load_given) {
        begin_loading(instance);
    } else {
        event_del(instance->timer);
        change_state(instance, INSTANCE_PREWARMED);
        instance->hooks.prewarmed(instance, instance->owner);
    }
}

static void add_late_slot(struct instance *instance, int fd)
{
    add_slot(instance, fd);
    if (instance->hooks.slot_added)
        instance->hooks.slot_added(instance, instance->owner);
}

static void on_dialled(void *owner, int fd)
{
    struct instance *instance = owner;
    if (instance->state == INSTANCE_STARTING && instance->first_fd < 0) {
        on_first_dial(instance, fd);
    } else if (instance->state == INSTANCE_PREWARMED) { /* its connection broke, so it dialled again */
        close(instance->first_fd);
        instance->first_fd = fd;
    } else if (instance->load_given && connection_count(instance) < instance->concurrency) {
        if (instance->state == INSTANCE_READY)
            add_late_slot(instance, fd);
        else if (instance->state == INSTANCE_LOADING)
            instance->early_fds[instance->early_count++] = fd;
        else
            close(fd);
    } else {
        close(fd);
    }
}

/* After a docker call that belongs to starting: true when the instance is on its way out and the callback
 * must only go on with that. */
static bool left_behind(struct instance *instance)
{
    instance->call = NULL;
    if (instance->state == INSTANCE_REMOVING) {
        queue_removal(instance);
        return true;
    }
    return false;
}

static void on_started(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    if (left_behind(instance))
        return;
    if (err && is_alive(instance)) {
        fail(instance, err);
        return;
    }
    instance->container_started = true;
    if (instance->state != INSTANCE_STARTING)
        engine_queue_finish(instance->env->queue, &instance->ticket);
}

/* Whether a container may be there although Docker reported a failure to make it. */
static bool may_exist(const struct error *err)
{
    static const char *const certain[] = {"image-missing", "conflict", "docker-request"};
    for (size_t i = 0; i < sizeof(certain) / sizeof(certain[0]); i++) {
        if (strcmp(err->reason, certain[i]) == 0)
            return false;
    }
    return true;
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
    if (err) {
        fail(instance, err);
        return;
    }
    instance->times.create_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    instance->phase_began_ms = clock_ms();
    instance->call =
        docker_container_start(instance->env->docker, instance->container_id, on_started, instance);
}

/* Its turn has come: makes the socket, then the container. */
static void run_start(void *owner)
{
    struct instance *instance = owner;
    if (instance->hooks.wanted && !instance->hooks.wanted(instance, instance->owner)) {
        remove_container(instance, "no longer wanted");
        return;
    }
    struct error err;
    if (dial_open(instance->env, instance->name, on_dialled, instance, &instance->dial, &err) < 0) {
        fail(instance, &err);
        return;
    }
    instance->phase_began_ms = clock_ms();
    fleet_timer_at(instance->timer, clock_ms() + instance->env->host->start_timeout_ms, clock_ms());
    instance->call = container_spec_create(instance->env, &instance->spec, instance->function, instance->name,
                                           dial_dir(instance->dial), on_created, instance);
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
    instance->times.created_ms = clock_ms();
    pick_id(instance);
    container_spec_init(&instance->spec, spec);
    env->budget.instances++;
    env->budget.memory_bytes += spec->memory_bytes;
    instance->timer = evtimer_new(env->base, on_timer, instance);
    if (load)
        take_load(instance, load);
    instance->ticket.run = run_start;
    instance->ticket.owner = instance;
    engine_queue_start(env->queue, &instance->ticket, account);
    return instance;
}

/* --- retiring --- */

bool instance_retire_if_idle(struct instance *instance, const char *why)
{
    if (instance->state != INSTANCE_READY || !slot_pool_retire_group(instance->group, RETIRE_IF_IDLE))
        return false;
    instance->group = NULL;
    remove_container(instance, why);
    return true;
}

static void drain(struct instance *instance, const char *why, uint64_t drain_ms)
{
    uint64_t now_ms = clock_ms();
    if (instance->state == INSTANCE_DRAINING && now_ms + drain_ms >= instance->drained_by_ms)
        return;
    if (instance->state == INSTANCE_READY) {
        instance->why_removed = why;
        change_state(instance, INSTANCE_DRAINING);
        slot_pool_retire_group(steal(&instance->group), RETIRE_DRAIN);
    }
    instance->drained_by_ms = now_ms + drain_ms;
    fleet_timer_at(instance->timer, instance->drained_by_ms, now_ms);
}

void instance_retire(struct instance *instance, const char *why, uint64_t drain_ms)
{
    if (instance_retire_if_idle(instance, why))
        return;
    if (instance->state == INSTANCE_READY || instance->state == INSTANCE_DRAINING)
        drain(instance, why, drain_ms);
    else if (instance->state < INSTANCE_DRAINING)
        remove_container(instance, why);
}

void instance_drained(struct instance *instance)
{
    if (instance->state == INSTANCE_DRAINING)
        remove_container(instance, instance->why_removed);
}

/* --- questions --- */

uint64_t instance_id(const struct instance *instance)
{
    return instance->id;
}

const char *instance_name(const struct instance *instance)
{
    return instance->name;
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
    return instance->state == INSTANCE_STARTING && instance->ticket.state == TICKET_RUNNING &&
           !instance->load_given;
}

uint64_t instance_served_ms(const struct instance *instance)
{
    if (instance->ready_ms == 0)
        return 0;
    return (instance->lost_ms ? instance->lost_ms : clock_ms()) - instance->ready_ms + 1;
}

unsigned instance_missing_slots(const struct instance *instance, uint64_t now_ms)
{
    if (instance->state != INSTANCE_READY || now_ms >= instance->phase_began_ms + INSTANCE_DIAL_MS)
        return 0;
    unsigned slots = connection_count(instance);
    return slots < instance->concurrency ? instance->concurrency - slots : 0;
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
