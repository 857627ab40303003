#include "fleet/instance/instance_inside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/timer.h"
#include "docker/container.h"
#include "fleet/link/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

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
    instance_change_state(instance, INSTANCE_READY);
    instance->group = slot_pool_add_group(instance->pool, instance->id);
    slot_group_await(instance->group, instance->concurrency);
    add_slot(instance, steal_fd(&instance->first_fd));
    for (unsigned i = 0; i < instance->early_count; i++)
        add_slot(instance, instance->early_fds[i]);
    instance->early_count = 0;
    if (instance_connection_count(instance) < instance->concurrency)
        timer_at(instance->timer, instance->ready_ms + INSTANCE_DIAL_MS, instance->ready_ms);
    instance->hooks.ready(instance, instance->owner);
}

static void on_updated(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->update = NULL;
    instance->updated = true;
    if (!instance_is_alive(instance))
        return;
    if (err)
        instance_fail(instance, err);
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

/* What was written before it and the traceback come first, in the log and to those who ask. */
static void keep_traceback(struct instance *instance, const char *traceback)
{
    instance_output_drain(instance->pipes);
    if (!traceback)
        return;
    instance->traceback = xstrdup(traceback);
    instance_output_add_traceback(instance->pipes, traceback);
}

static void on_loaded(void *owner, const struct error *err, const char *traceback)
{
    struct instance *instance = owner;
    instance->handshake = NULL;
    if (!err) {
        instance->loaded = true;
        if (instance->updated)
            become_ready(instance);
    } else if (err->code == ERROR_RUNNER_GONE) {
        instance_give_up(instance, AUTOPSY_DIED); /* the container's end says more than its connection's */
    } else {
        keep_traceback(instance, traceback);
        instance_fail(instance, err);
    }
}

void instance_take_load(struct instance *instance, const struct instance_load *load)
{
    instance->load_given_ms = clock_ms();
    instance->function = xstrdup(load->function);
    instance->output = load->output;
    instance->pool = slot_pool_ref(load->pool);
    instance->settings = json_copy((json_t *)load->settings);
    instance->concurrency = load->concurrency;
    instance->timeout_ms = load->timeout_ms;
    if (load->start_timeout_ms)
        instance->start_timeout_ms = load->start_timeout_ms;
    instance->early_fds = xcalloc(load->concurrency, sizeof(*instance->early_fds));
    instance->updated = true;
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
    instance_change_state(instance, INSTANCE_LOADING);
    json_object_set_new(instance->settings, "instance", json_string(instance->name));
    char *settings = json_dumps(instance->settings, JSON_COMPACT);
    instance->handshake = handshake_start(instance->env, instance->first_fd, settings, on_loaded, instance);
    free(settings);
    timer_at(instance->timer, clock_ms() + instance->start_timeout_ms, clock_ms());
    if (instance->specialised)
        adapt_container(instance);
}

void instance_load(struct instance *instance, const struct instance_load *load,
                   const struct instance_hooks *hooks, void *owner)
{
    instance->hooks = *hooks;
    instance->owner = owner;
    instance_take_load(instance, load);
    take_limits(instance, load);
    instance->specialised = true;
    if (instance->pipes)
        instance_output_follow(instance->pipes, instance->output);
    if (instance->state == INSTANCE_PREWARMED) {
        begin_loading(instance);
        return;
    }
    /* Its runner has yet to dial, within the function's time. */
    if (instance->phase_began_ms > 0)
        timer_at(instance->timer, instance->phase_began_ms + instance->start_timeout_ms, clock_ms());
    log_info("instance.claimed", LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
             LOG_INT("age_ms", clock_ms() - instance->times.created_ms));
}

unsigned instance_connection_count(const struct instance *instance)
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
    if (instance->load_given_ms > 0) {
        begin_loading(instance);
    } else {
        event_del(instance->timer);
        instance_change_state(instance, INSTANCE_PREWARMED);
        instance->hooks.prewarmed(instance, instance->owner);
    }
}

static void add_late_slot(struct instance *instance, int fd)
{
    add_slot(instance, fd);
    if (instance_connection_count(instance) == instance->concurrency)
        instance->away_until_ms = 0;
}

/* Whether the runner has closed this connection, on which it has nothing to say before it is asked. */
static bool is_over(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

static bool has_room(const struct instance *instance)
{
    if (instance->state == INSTANCE_PREWARMED)
        return is_over(instance->first_fd);
    return instance_connection_count(instance) < instance->concurrency;
}

/* The first connection broke, so the runner dialled again. */
static void replace_first(struct instance *instance, int fd)
{
    close(instance->first_fd);
    instance->first_fd = fd;
}

void instance_on_dialled(void *owner, int fd)
{
    struct instance *instance = owner;
    if (instance->state == INSTANCE_STARTING)
        on_first_dial(instance, fd);
    else if (instance->state == INSTANCE_PREWARMED && has_room(instance))
        replace_first(instance, fd);
    else if (instance->state == INSTANCE_LOADING && has_room(instance))
        instance->early_fds[instance->early_count++] = fd;
    else if (instance->state == INSTANCE_READY && has_room(instance))
        add_late_slot(instance, fd);
    else
        close(fd);
}
