#include "fleet/instance/instance_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/timer.h"
#include "fleet/link/dial.h"
#include "fleet/link/tcp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WHY_LEFT "left to the next daemon"

static void close_handle(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void instance_handles_close(struct instance_handles *handles)
{
    close_handle(&handles->dial);
    close_handle(&handles->door);
    close_handle(&handles->line);
    close_handle(&handles->doorway);
}

void instance_past_free(struct instance_past *past)
{
    if (!past)
        return;
    instance_handles_close(&past->handles);
    instance_record_clear(&past->record);
    free(past->name);
    free(past);
}

/* --- what is there of it --- */

/* Folders that are gone with it. */
static void find_folders(struct instance *instance, const struct instance_record *record)
{
    const struct fleet_env *env = instance->env;
    cleanup_free char *secrets =
        env->memory_dir ? xasprintf("%s/%s/secrets", env->memory_dir, instance->name) : NULL;
    instance->dir = xasprintf("%s/%s", env->run_dir, instance->name);
    if (record->was_prewarmed)
        instance->code_dir = xasprintf("%s/%s.code", env->run_dir, instance->name);
    if (secrets && fs_is_dir(secrets))
        instance->secrets_dir = steal(&secrets);
}

static struct instance *make(struct fleet_env *env, const struct instance_past *past,
                             const struct container_spec *spec, const struct instance_hooks *hooks,
                             void *owner)
{
    const struct instance_record *record = &past->record;
    struct instance *instance = instance_make(env, record->instance, spec, hooks, owner);
    instance->state = INSTANCE_STARTING;
    instance->is_adopted = true;
    instance->is_recorded = true;
    instance->times = record->times;
    instance->phase_began_ms = clock_ms();
    find_folders(instance, record);
    instance->container =
        container_adopt(env->engine, instance->name, past->is_there ? record->container : NULL, !past->runs,
                        &instance_container_hooks, instance);
    return instance;
}

/* --- an instance goes on --- */

static int resume_link(struct instance *instance, struct instance_past *past, struct error *err)
{
    const struct instance_record *record = &past->record;
    const struct container_spec *spec = &instance->spec;
    struct event_base *base = instance->env->base;
    const struct link_past link = {.loaded = instance->function != NULL,
                                   .slots = instance->concurrency,
                                   .address = record->address,
                                   .process = record->process,
                                   .user = record->user};
    if (spec->port > 0) {
        if (tcp_open(base, instance->dir, spec->port, spec->ready_path, &instance_link_hooks, instance,
                     &instance->link, err) < 0)
            return -1;
    } else {
        if (past->handles.dial < 0 && dial_listen(instance->dir, &past->handles.dial, err) < 0)
            return -1;
        instance->link =
            dial_keep(base, instance->dir, steal_fd(&past->handles.dial), &instance_link_hooks, instance);
    }
    return link_resume(instance->link, &link, err);
}

static int resume_door(struct instance *instance, struct instance_past *past, struct error *err)
{
    pid_t process = past->record.first_process;
    if (past->handles.line < 0 || past->handles.door < 0) {
        if (past->handles.doorway < 0 && doorway_call(instance->dir, &past->handles.doorway, err) < 0)
            return -1;
        instance_door_reopen(instance, instance->dir, process, steal_fd(&past->handles.doorway));
        return 0;
    }
    instance->doorway = doorway_keep(instance->name, process, steal_fd(&past->handles.line));
    instance->door_fd = steal_fd(&past->handles.door);
    instance_door_open(instance);
    return 0;
}

/* Its connections are yet to come: those of a runner that has nothing to do come at once. */
static void await_connections(struct instance *instance)
{
    uint64_t now_ms = clock_ms();
    slot_group_await(instance->group, instance->concurrency);
    instance->away_until_ms = now_ms + instance->timeout_ms;
    timer_at(instance->timer, now_ms + INSTANCE_DIAL_MS, now_ms);
}

static void go_on_serving(struct instance *instance, const struct instance_record *record)
{
    uint64_t now_ms = clock_ms();
    instance->ready_ms = record->ready_ms < now_ms ? record->ready_ms : now_ms;
    instance->loaded = true;
    instance->is_recorded = false; /* the record stays as it is */
    instance_change_state(instance, INSTANCE_READY);
    instance->is_recorded = true;
    instance_tell(instance, "adopted", "it was started by the daemon before");
    instance->group = slot_group_create(instance->pool, instance->id);
    slot_group_set_calls(instance->group, instance->calls);
    if (link_is_reached_out(instance->link))
        slot_group_add_rooms(instance->group, link_address(instance->link), instance->concurrency, now_ms);
    else
        await_connections(instance);
}

static void go_on(struct instance *instance, const struct instance_record *record)
{
    log_info("instance.adopted", LOG_STR("instance", instance->name), LOG_STR("function", instance->function),
             LOG_STR("runtime", instance->spec.runtime),
             LOG_INT("age_ms", clock_ms() - instance->times.created_ms));
    instance_follow_output(instance);
    if (instance->function)
        go_on_serving(instance, record);
    else
        timer_at(instance->timer, instance->phase_began_ms + instance->start_timeout_ms,
                 instance->phase_began_ms);
}

/* The daemon before may have ended before it gave a container that was made for any function the name of one.
 */
static void name_anew(struct instance *instance, const struct instance_past *past)
{
    cleanup_free char *name = container_spec_name(&instance->spec, instance->function, instance->name);
    if (instance->specialised && past->name && strcmp(past->name, name) != 0)
        container_rename(instance->container, name);
}

struct instance *instance_adopt(struct fleet_env *env, struct instance_past *past,
                                const struct container_spec *spec, const struct instance_load *load,
                                const struct instance_hooks *hooks, void *owner)
{
    struct instance *instance = make(env, past, spec, hooks, owner);
    struct error err;
    instance->specialised = load && past->record.was_prewarmed;
    if (load)
        instance_take_load(instance, load);
    if (resume_link(instance, past, &err) == 0 && resume_door(instance, past, &err) == 0 &&
        container_resume_output(instance->container, instance->dir, &err) == 0) {
        name_anew(instance, past);
        go_on(instance, &past->record);
    } else {
        log_warning("instance.not-adopted", LOG_STR("instance", instance->name), LOG_ERR(&err));
        instance_remove_container(instance, "cannot be adopted");
    }
    instance_past_free(past);
    return instance;
}

struct instance *instance_discard(struct fleet_env *env, struct instance_past *past,
                                  const struct instance_hooks *hooks, void *owner, const char *why)
{
    const struct container_spec nothing = {.runtime = "",
                                           .image = "",
                                           .code_dir = past->record.was_prewarmed ? NULL : "",
                                           .memory_bytes = past->record.limits.memory_bytes};
    struct instance *instance = make(env, past, &nothing, hooks, owner);
    instance->is_uncounted = !past->counts;
    if (instance->is_uncounted)
        budget_give_back(&env->engine->budget, nothing.memory_bytes);
    instance_remove_container(instance, why);
    instance_past_free(past);
    return instance;
}

/* --- and is left --- */

static void leave(struct instance *instance)
{
    instance->leaves = true;
    instance_note_resources(instance);
    instance->why_removed = WHY_LEFT;
    instance_change_state(instance, INSTANCE_REMOVING);
    instance_tell(instance, WHY_LEFT, "it goes on running");
    event_del(instance->timer);
    if (instance->group)
        slot_group_retire(steal(&instance->group), RETIRE_DRAIN);
    instance_close_connections(instance);
    instance_door_close(instance);
    container_leave(instance->container);
}

void instance_release(struct instance *instance, uint64_t drain_ms)
{
    if (instance->is_recorded)
        leave(instance);
    else
        instance_retire(instance, "shutdown", drain_ms);
}

void instance_handles_of(const struct instance *instance, struct instance_handles *ret_handles)
{
    const struct doors *doors = instance->env->doors;
    *ret_handles = (struct instance_handles){
        .dial = instance->link ? link_listener(instance->link) : -1,
        .door = instance->door && doors->listener ? doors->listener(instance->door) : instance->door_fd,
        .line = instance->doorway ? doorway_line(instance->doorway) : -1,
        .doorway = -1};
}

bool instance_was_adopted(const struct instance *instance)
{
    return instance->is_adopted;
}
