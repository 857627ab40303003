#include "fleet/instance/instance_inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/instance/init_text.h"
#include "fleet/instance/secret_hide.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_slot(struct instance *instance, int fd)
{
    slot_group_add_slot(instance->group, fd, clock_ms());
}

static void tell_ready(struct instance *instance)
{
    char times[96];
    snprintf(times, sizeof(times), "created in %u ms, started in %u ms, loaded in %u ms",
             instance->times.create_ms, instance->times.start_ms, instance->times.load_ms);
    instance_tell(instance, "ready", times);
}

static void take_connections(struct instance *instance)
{
    slot_group_await(instance->group, instance->concurrency);
    for (int fd; (fd = link_take(instance->link)) >= 0;)
        add_slot(instance, fd);
    if (instance_connection_count(instance) < instance->concurrency)
        timer_at(instance->timer, instance->ready_ms + INSTANCE_DIAL_MS, instance->ready_ms);
}

/* Its start is over. Where more requests wait than it has slots, other starts go on a moment later: until
 * then it is known how quickly it serves, and whether they are of use. */
static void end_start(struct instance *instance)
{
    struct slot_counts counts;
    slot_pool_counts(instance->pool, &counts);
    if (counts.waiting == 0)
        container_note_loads(instance->container, false);
}

/* The function is loaded and the limits are right: its connections become slots. */
static void become_ready(struct instance *instance)
{
    event_del(instance->timer);
    instance->times.load_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    instance->ready_ms = clock_ms();
    instance_change_state(instance, INSTANCE_READY);
    tell_ready(instance);
    instance->group = slot_group_create(instance->pool, instance->id);
    slot_group_set_calls(instance->group, instance->calls);
    if (link_is_reached_out(instance->link))
        slot_group_add_rooms(instance->group, link_address(instance->link), instance->concurrency,
                             instance->ready_ms);
    else
        take_connections(instance);
    end_start(instance);
    instance->hooks.ready(instance, instance->owner);
    instance_keep(instance);
}

void instance_on_limited(void *owner, const struct error *err)
{
    struct instance *instance = owner;
    instance->limited = true;
    if (!instance_is_alive(instance))
        return;
    if (err)
        instance_fail(instance, err);
    else if (instance->loaded)
        become_ready(instance);
}

/* What was written before it and the traceback come first, in the log and to those who ask. */
static void keep_traceback(struct instance *instance, const char *traceback)
{
    struct container_output *output = container_output_of(instance->container);
    container_output_drain(output);
    if (!traceback)
        return;
    instance->traceback = xstrdup(traceback);
    secret_hide(instance->secrets, instance->secret_count, instance->env->secrets, instance->traceback);
    if (output)
        container_output_add_traceback(output, instance->traceback);
}

static void fail_load(struct instance *instance, const struct error *err, const char *traceback)
{
    struct error told = *err;
    keep_traceback(instance, traceback);
    secret_hide_error(instance->secrets, instance->secret_count, instance->env->secrets, &told);
    instance_fail(instance, &told);
}

/* An answer that is none says nothing. */
static void take_report(struct instance *instance, const char *text)
{
    json_decref(instance->report);
    instance->report = json_loads(text, 0, NULL);
}

void instance_on_loaded(void *owner, const struct error *err, const char *text)
{
    struct instance *instance = owner;
    if (!err) {
        instance->loaded = true;
        if (json_is_true(json_object_get(instance->settings, INIT_REPORT_MODULES)))
            take_report(instance, text);
        if (instance->limited)
            become_ready(instance);
    } else if (err->code == ERROR_RUNNER_GONE) {
        instance_give_up(instance, AUTOPSY_DIED); /* the container's end says more than its connection's */
    } else {
        fail_load(instance, err, text);
    }
}

void instance_follow_output(struct instance *instance)
{
    struct container_output *output = container_output_of(instance->container);
    if (output && instance->output)
        container_output_follow(output, instance->output, instance->revision);
}

void instance_take_load(struct instance *instance, const struct instance_load *load)
{
    instance->load_given_ms = clock_ms();
    instance->function = xstrdup(load->function);
    instance->output = load->output;
    instance->revision = xstrndup(load->revision ? load->revision : "", REVISION_DIGITS);
    snprintf(instance->digest, sizeof(instance->digest), "%s", load->revision ? load->revision : "");
    instance->pool = slot_pool_ref(load->pool);
    instance->settings = json_copy((json_t *)load->settings);
    instance->secrets = secret_uses_copy(load->secrets, load->secret_count);
    instance->secret_count = load->secret_count;
    instance->concurrency = load->concurrency;
    instance->timeout_ms = load->timeout_ms;
    instance->start_timeout_ms =
        load->start_timeout_ms ? load->start_timeout_ms : instance->env->host->start_timeout_ms;
    instance->limited = true;
    instance_door_open(instance);
}

/* From now on the instance counts with the function's limits. */
static void take_limits(struct instance *instance, const struct instance_load *load)
{
    instance->limits_differ = load->memory_bytes != instance->spec.memory_bytes ||
                              load->cpus != instance->spec.cpus || load->pids != instance->spec.pids;
    budget_change(&instance->env->engine->budget, instance->spec.memory_bytes, load->memory_bytes);
    instance->spec.memory_bytes = load->memory_bytes;
    instance->spec.cpus = load->cpus;
    instance->spec.pids = load->pids;
}

/* Gives a container that was started for any function the limits and the name of this one, while the
 * function loads. */
static void adapt_container(struct instance *instance)
{
    const struct container_limits limits = {.memory_bytes = instance->spec.memory_bytes,
                                            .cpus = instance->spec.cpus,
                                            .pids = instance->spec.pids};
    if (instance->limits_differ) {
        instance->limited = false;
        container_set_limits(instance->container, &limits);
    }
    char *name = container_spec_name(&instance->spec, instance->function, instance->name);
    container_rename(instance->container, name);
    free(name);
}

/* Sends init; needs a load and a runner. */
static void begin_loading(struct instance *instance)
{
    struct error err;
    cleanup_locked struct locked settings = {0};
    json_object_set_new(instance->settings, "instance", json_string(instance->name));
    if (init_text_make(instance->settings, instance->secrets, instance->secret_count, instance->env->secrets,
                       &settings, &err) < 0) {
        instance_fail(instance, &err);
        return;
    }
    instance_change_state(instance, INSTANCE_LOADING);
    container_note_loads(instance->container, true);
    link_load(instance->link, settings.bytes, instance->concurrency);
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
    instance_follow_output(instance);
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

static void become_prewarmed(struct instance *instance)
{
    event_del(instance->timer);
    instance_change_state(instance, INSTANCE_PREWARMED);
    instance->hooks.prewarmed(instance, instance->owner);
    instance_keep(instance);
}

/* Of effects that nobody tells of a function would see some. */
static void take_prewarm_report(struct instance *instance, const char *text)
{
    struct error err;
    take_report(instance, text);
    if (json_is_array(json_object_get(instance->report, "effects"))) {
        become_prewarmed(instance);
        return;
    }
    error_set(&err, ERROR_LOAD_FAILED,
              "libraries cannot be loaded ahead: the runner does not say what loading them does beside");
    instance_fail(instance, &err);
}

void instance_on_prewarmed(void *owner, const struct error *err, const char *text)
{
    struct instance *instance = owner;
    if (!err) {
        take_prewarm_report(instance, text);
    } else if (err->code == ERROR_RUNNER_GONE) {
        instance_give_up(instance, AUTOPSY_DIED);
    } else {
        instance_fail(instance, err);
    }
}

/* As much time as a function has that loads the same. */
static void load_libraries(struct instance *instance)
{
    uint64_t now_ms = clock_ms();
    instance->loads_libraries = true;
    timer_at(instance->timer, now_ms + instance->start_timeout_ms, now_ms);
    link_prewarm(instance->link, instance->spec.ahead);
}

void instance_on_reached(void *owner)
{
    struct instance *instance = owner;
    container_note_reached(instance->container);
    if (!instance->is_adopted)
        instance->times.start_ms = (uint32_t)(clock_ms() - instance->phase_began_ms);
    if (instance->load_given_ms > 0)
        begin_loading(instance);
    else if (instance->spec.ahead && !instance->is_adopted)
        load_libraries(instance);
    else
        become_prewarmed(instance);
}

/* The slots are those of the load: while a connection lives, no other takes its place. */
void instance_on_connection(void *owner, int fd)
{
    struct instance *instance = owner;
    if (instance->state != INSTANCE_READY || instance_connection_count(instance) >= instance->concurrency) {
        close(fd);
        return;
    }
    add_slot(instance, fd);
    if (instance_connection_count(instance) == instance->concurrency)
        instance->away_until_ms = 0;
}
