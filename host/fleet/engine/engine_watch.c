#include "fleet/engine/engine_watch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/timer.h"
#include "docker/container.h"
#include "docker/events.h"
#include "docker/network.h"
#include "fleet/engine/leftovers.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS       500
#define REMINDER_TRIES 120   /* a line every minute while the engine is away */
#define OPEN_LIMIT_MS  10000 /* for the event stream to begin */

struct engine_watch {
    const struct fleet_env *env;
    struct engine_watch_hooks hooks;
    struct docker_call *call; /* ping, network or list: one at a time */
    struct docker_call *events;
    struct event *retry;
    struct leftovers *leftovers;
    char *label; /* berth.host=<id> */
    bool up;
    bool reviewed; /* the first look at the containers is done; from then on there is somebody to tell */
    unsigned tries;
    struct error trouble; /* the last that was told */
};

static void begin(struct engine_watch *watch);

static void tell_down(struct engine_watch *watch, const struct error *err)
{
    if (!watch->reviewed || strcmp(watch->trouble.message, err->message) == 0)
        return;
    watch->trouble = *err;
    watch->hooks.down(watch->hooks.context, err);
}

/* The engine is away, or has just gone: try again soon. */
static void lost(struct engine_watch *watch, const struct error *err)
{
    docker_cancel(watch->call);
    watch->call = NULL;
    docker_cancel(watch->events);
    watch->events = NULL;
    watch->up = false;
    tell_down(watch, err);
    if (watch->tries++ % REMINDER_TRIES == 0)
        log_warning("engine.unreachable", LOG_ERR(err));
    timer_at(watch->retry, clock_ms() + RETRY_MS, clock_ms());
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    begin(context);
}

/* Looks at one container of ours: unknown ones go, known ones that have ended are reported. A builder
 * container (it has no instance) is a leftover only at start; later it may be at work. */
static void review(struct engine_watch *watch, const struct docker_listing *entry)
{
    const char *instance = docker_label(entry->labels, LABEL_INSTANCE);
    if (!instance && watch->reviewed)
        return;
    if (!instance || !watch->hooks.is_known(watch->hooks.context, instance)) {
        leftovers_remove(watch->leftovers, entry->id, entry->name, entry->state);
    } else if (strcmp(entry->state, "exited") == 0 || strcmp(entry->state, "dead") == 0) {
        watch->hooks.died(watch->hooks.context, instance);
    }
}

static void on_listed(void *owner, const struct error *err, const struct docker_listing *entries,
                      size_t count)
{
    struct engine_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        review(watch, &entries[i]);
    watch->reviewed = true;
    watch->up = true;
    watch->tries = 0;
    watch->trouble = (struct error){0};
    watch->hooks.up(watch->hooks.context);
}

static void on_events_opened(void *owner)
{
    struct engine_watch *watch = owner;
    const char *labels[] = {watch->label, NULL};
    docker_call_set_timeout(watch->events, 0);
    docker_cancel(watch->call);
    watch->call = docker_container_list(watch->env->docker, labels, on_listed, watch);
}

/* The engine goes on making a container when the daemon that asked for it has been killed, so one may come
 * after the containers were listed. */
static void on_event(void *owner, const struct docker_event *event)
{
    struct engine_watch *watch = owner;
    const char *instance = docker_label(event->attributes, LABEL_INSTANCE);
    if (instance && strcmp(event->action, "die") == 0)
        watch->hooks.died(watch->hooks.context, instance);
    else if (instance && strcmp(event->action, "kill") == 0)
        watch->hooks.signalled(watch->hooks.context, instance);
    else if (instance && strcmp(event->action, "create") == 0 &&
             !watch->hooks.is_known(watch->hooks.context, instance))
        leftovers_remove(watch->leftovers, event->id, event->name, "created");
}

static void on_events_end(void *owner, const struct error *err)
{
    struct engine_watch *watch = owner;
    watch->events = NULL;
    lost(watch, err);
}

static void on_network(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct engine_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    static const struct docker_events_callbacks callbacks = {
        .opened = on_events_opened, .event = on_event, .done = on_events_end};
    const char *labels[] = {watch->label, NULL};
    watch->events = docker_events_follow(watch->env->docker, labels, 0, &callbacks, watch);
    docker_call_set_timeout(watch->events, OPEN_LIMIT_MS);
}

static void on_ping(void *owner, const struct error *err)
{
    struct engine_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    log_info("engine.reached", LOG_STR("api", docker_api_version(watch->env->docker)));
    struct docker_network network = {.name = watch->env->network};
    watch->call = docker_network_ensure(watch->env->docker, &network, on_network, watch);
}

static void begin(struct engine_watch *watch)
{
    watch->call = docker_ping(watch->env->docker, on_ping, watch);
}

struct engine_watch *engine_watch_create(const struct fleet_env *env, const struct engine_watch_hooks *hooks)
{
    struct engine_watch *watch = xcalloc(1, sizeof(*watch));
    watch->env = env;
    watch->hooks = *hooks;
    watch->retry = evtimer_new(env->base, on_retry, watch);
    watch->leftovers = leftovers_create(env);
    watch->label = xasprintf("%s=%s", LABEL_HOST, env->owner_id);
    return watch;
}

void engine_watch_start(struct engine_watch *watch)
{
    begin(watch);
}

void engine_watch_destroy(struct engine_watch *watch)
{
    if (!watch)
        return;
    docker_cancel(watch->call);
    docker_cancel(watch->events);
    event_free(watch->retry);
    leftovers_destroy(watch->leftovers);
    free(watch->label);
    free(watch);
}

bool engine_watch_is_up(const struct engine_watch *watch)
{
    return watch->up;
}
