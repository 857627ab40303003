#include "fleet/instance/instance_inside.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/timer.h"
#include "docker/container.h"
#include "fleet/instance/loss_book.h"
#include "fleet/link/dial.h"
#include "fleet/link/handshake.h"

#include <stdlib.h>

#define REMOVE_TRIES    6
#define REMOVE_RETRY_MS 100 /* before the second try; doubling */

bool instance_is_alive(const struct instance *instance)
{
    return instance->state < INSTANCE_FAILED;
}

void instance_close_connections(struct instance *instance)
{
    instance_end_question(instance);
    handshake_cancel(steal(&instance->handshake));
    if (instance->first_fd >= 0)
        close(steal_fd(&instance->first_fd));
    for (unsigned i = 0; i < instance->early_count; i++)
        close(instance->early_fds[i]);
    instance->early_count = 0;
}

static void remove_code_dir(struct instance *instance)
{
    struct error err;
    if (instance->code_dir && fs_remove_tree(instance->code_dir, &err) < 0)
        log_warning("instance.code-left", LOG_STR("instance", instance->name), LOG_ERR(&err));
    free(instance->code_dir);
}

static void instance_free(struct instance *instance)
{
    autopsy_cancel(instance->autopsy);
    instance_output_close(instance->pipes);
    docker_cancel(instance->call);
    docker_cancel(instance->update);
    docker_cancel(instance->rename);
    docker_cancel(instance->verify);
    engine_queue_finish(instance->env->queue, &instance->ticket);
    instance_close_connections(instance);
    json_decref(instance->settings);
    if (instance->pool)
        slot_pool_unref(instance->pool);
    dial_close(instance->dial);
    remove_code_dir(instance);
    event_free(instance->timer);
    container_spec_clear(&instance->spec);
    free(instance->early_fds);
    free(instance->traceback);
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
    if (!err || err->code == ERROR_NOT_FOUND) {
        on_gone(instance);
    } else if (++instance->remove_tries < REMOVE_TRIES) {
        engine_queue_finish(instance->env->queue, &instance->ticket);
        uint64_t now_ms = clock_ms();
        timer_at(instance->timer, now_ms + (REMOVE_RETRY_MS << (instance->remove_tries - 1)), now_ms);
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

void instance_queue_removal(struct instance *instance)
{
    engine_queue_finish(instance->env->queue, &instance->ticket);
    if (!instance->container_id) {
        timer_at(instance->timer, 0, 0);
        return;
    }
    instance->ticket.run = run_removal;
    engine_queue_remove(instance->env->queue, &instance->ticket);
}

void instance_remove_container(struct instance *instance, const char *why)
{
    instance->why_removed = why;
    instance_change_state(instance, INSTANCE_REMOVING);
    event_del(instance->timer);
    instance_close_connections(instance);
    if (!instance->call)
        instance_queue_removal(instance);
}

void instance_report(struct instance *instance, const struct error *cause)
{
    if (!instance->failure_reported) {
        instance->failure_reported = true;
        if (instance->ready_ms > 0)
            loss_book_add(instance->env->losses, instance->id, LOSS_FOR_GOOD, cause);
        log_warning("instance.failed", LOG_STR("instance", instance->name),
                    LOG_STR("function", instance->function), LOG_STR("runtime", instance->spec.runtime),
                    LOG_ERR(cause));
        instance->hooks.failed(instance, cause, instance->owner);
    }
}

void instance_fail(struct instance *instance, const struct error *cause)
{
    instance_report(instance, cause);
    if (instance->state != INSTANCE_REMOVING)
        instance_remove_container(instance, "failed");
}

/* Removes it although requests are under way. */
static void cut_off(struct instance *instance)
{
    struct error cause;
    error_set(&cause, ERROR_INSTANCE_REMOVED, "the instance was removed before the request was finished (%s)",
              instance->why_removed);
    error_hint(&cause, "how long requests under way are waited for is drain_timeout in the section `host`");
    loss_book_add(instance->env->losses, instance->id, LOSS_FOR_GOOD, &cause);
    instance_remove_container(instance, "drain-timeout");
}

void instance_on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct instance *instance = context;
    if (instance->state == INSTANCE_REMOVING && !instance->container_id) {
        on_gone(instance);
    } else if (instance->state == INSTANCE_REMOVING) {
        instance_queue_removal(instance);
    } else if (instance->state == INSTANCE_READY) {
        instance_settle(instance);
    } else if (instance->state == INSTANCE_DRAINING && instance->autopsy) {
        instance->drained = true; /* but those whose requests were lost learn why first */
    } else if (instance->state == INSTANCE_DRAINING) {
        cut_off(instance);
    } else if (instance->container_started) {
        instance_give_up(instance, AUTOPSY_TIMED_OUT);
    } else {
        struct error cause;
        error_set(&cause, ERROR_DOCKER_START_TIMEOUT, "Docker did not start the container within %u ms",
                  instance->start_timeout_ms);
        instance_fail(instance, &cause);
    }
}

bool instance_retire_if_idle(struct instance *instance, const char *why)
{
    if (instance->state != INSTANCE_READY || !slot_pool_retire_group(instance->group, RETIRE_IF_IDLE))
        return false;
    instance->group = NULL;
    instance_remove_container(instance, why);
    return true;
}

void instance_drain(struct instance *instance, const char *why, uint64_t drain_ms)
{
    uint64_t now_ms = clock_ms();
    if (instance->state == INSTANCE_DRAINING && now_ms + drain_ms >= instance->drained_by_ms)
        return;
    if (instance->state == INSTANCE_READY) {
        instance->why_removed = why;
        instance_change_state(instance, INSTANCE_DRAINING);
        slot_pool_retire_group(steal(&instance->group), RETIRE_DRAIN);
    }
    instance->drained_by_ms = now_ms + drain_ms;
    timer_at(instance->timer, instance->drained_by_ms, now_ms);
}

void instance_retire(struct instance *instance, const char *why, uint64_t drain_ms)
{
    if (instance_retire_if_idle(instance, why))
        return;
    if (instance->state == INSTANCE_READY || instance->state == INSTANCE_DRAINING)
        instance_drain(instance, why, drain_ms);
    else if (instance->state < INSTANCE_DRAINING)
        instance_remove_container(instance, why);
}

void instance_drained(struct instance *instance)
{
    instance->drained = true;
    if (instance->state == INSTANCE_DRAINING && !instance->autopsy)
        instance_remove_container(instance, instance->why_removed);
}
