#include "fleet/engine/docker_watch.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "docker/events.h"
#include "docker/facts.h"
#include "docker/network.h"
#include "fleet/engine/docker_inside.h"
#include "fleet/engine/docker_spares.h"
#include "fleet/engine/leftovers.h"
#include "fleet/engine/reach.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_MS       500
#define REMINDER_TRIES 120 /* a line every minute while the engine is away */
#define OPEN_LIMIT_MS  10000 /* for the event stream to begin */

struct docker_watch {
    struct docker_engine *engine;
    struct docker_call *call; /* ping, facts, network or list: one at a time */
    struct docker_call *events;
    struct event *retry;
    struct leftovers *leftovers;
    struct docker_spares *spares;
    struct reach *reach; /* NULL: no rules are made */
    char *label; /* berth.host=<id> */
    bool reviewed; /* the first look at the containers is done; from then on there is somebody to tell */
    unsigned tries;
};

static void begin(struct docker_watch *watch);

static void tell_down(struct docker_watch *watch, const struct error *err)
{
    struct engine *engine = &watch->engine->engine;
    if (watch->reviewed && strcmp(engine->trouble.message, err->message) != 0)
        engine_note_down(engine, err);
}

/* The engine is away, or has just gone: try again soon. */
static void lost(struct docker_watch *watch, const struct error *err)
{
    docker_cancel(watch->call);
    watch->call = NULL;
    docker_cancel(watch->events);
    watch->events = NULL;
    if (watch->reach)
        reach_pause(watch->reach);
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

/* The spare network that a container holds or has joined, if its instance is there and known. */
static void review_network(struct docker_watch *watch, const struct docker_listing *entry, bool holds)
{
    const struct engine_hooks *hooks = &watch->engine->engine.hooks;
    const char *instance = docker_label(entry->labels, LABEL_INSTANCE);
    const char *network = docker_label(entry->labels, LABEL_NETWORK);
    if (!network || holds != !instance)
        return;
    if (holds)
        docker_spares_see_holder(watch->spares, network, entry);
    else if (hooks->is_known(hooks->context, instance))
        docker_spares_see_joined(watch->spares, network, instance, entry->id);
}

static void review_networks(struct docker_watch *watch, const struct docker_listing *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        review_network(watch, &entries[i], false);
    for (size_t i = 0; i < count; i++)
        review_network(watch, &entries[i], true);
    docker_spares_seen(watch->spares);
}

/* Looks at one container of ours: unknown ones go, known ones that have ended are reported. A builder
 * container (it has no instance) is a leftover only at start; later it may be at work. */
static void review(struct docker_watch *watch, const struct docker_listing *entry)
{
    const struct engine_hooks *hooks = &watch->engine->engine.hooks;
    const char *instance = docker_label(entry->labels, LABEL_INSTANCE);
    if (!instance && (watch->reviewed || docker_label(entry->labels, LABEL_NETWORK)))
        return;
    if (instance && hooks->found)
        hooks->found(hooks->context, instance, entry->id, entry->name,
                     strcmp(entry->state, "running") == 0 || strcmp(entry->state, "paused") == 0);
    if (!instance || !hooks->is_known(hooks->context, instance)) {
        leftovers_remove(watch->leftovers, entry->id, entry->name, entry->state);
    } else if (strcmp(entry->state, "exited") == 0 || strcmp(entry->state, "dead") == 0) {
        hooks->died(hooks->context, instance);
    }
}

static void on_listed(void *owner, const struct error *err, const struct docker_listing *entries,
                      size_t count)
{
    struct docker_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    for (size_t i = 0; i < count; i++)
        review(watch, &entries[i]);
    review_networks(watch, entries, count);
    watch->reviewed = true;
    watch->tries = 0;
    engine_note_up(&watch->engine->engine);
    docker_spares_begin(watch->spares);
}

static void on_events_opened(void *owner)
{
    struct docker_watch *watch = owner;
    const char *labels[] = {watch->label, NULL};
    docker_call_set_timeout(watch->events, 0);
    docker_cancel(watch->call);
    watch->call = docker_container_list(watch->engine->options.docker, labels, on_listed, watch);
}

/* The engine goes on making a container when the daemon that asked for it has been killed, so one may come
 * after the containers were listed. */
static void on_event(void *owner, const struct docker_event *event)
{
    struct docker_watch *watch = owner;
    const struct engine_hooks *hooks = &watch->engine->engine.hooks;
    const char *instance = docker_label(event->attributes, LABEL_INSTANCE);
    const char *network = docker_label(event->attributes, LABEL_NETWORK);
    if (network)
        docker_spares_note(watch->spares, network, event);
    if (instance && strcmp(event->action, "die") == 0)
        hooks->died(hooks->context, instance);
    else if (instance && strcmp(event->action, "kill") == 0)
        hooks->signalled(hooks->context, instance);
    else if (instance && strcmp(event->action, "create") == 0 && !hooks->is_known(hooks->context, instance))
        leftovers_remove(watch->leftovers, event->id, event->name, "created");
}

static void on_events_end(void *owner, const struct error *err)
{
    struct docker_watch *watch = owner;
    watch->events = NULL;
    lost(watch, err);
}

/* No container is started before: it could reach what the rules keep from it. */
static void on_reach(void *owner)
{
    struct docker_watch *watch = owner;
    static const struct docker_events_callbacks callbacks = {
        .opened = on_events_opened, .event = on_event, .done = on_events_end};
    const char *labels[] = {watch->label, NULL};
    watch->events = docker_events_follow(watch->engine->options.docker, labels, 0, &callbacks, watch);
    docker_call_set_timeout(watch->events, OPEN_LIMIT_MS);
}

static void on_builder_network(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct docker_watch *watch = owner;
    watch->call = NULL;
    if (err)
        lost(watch, err);
    else if (watch->reach)
        reach_begin(watch->reach, on_reach, watch);
    else
        on_reach(watch);
}

static void on_network(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct docker_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    const struct docker_network network = {.name = watch->engine->options.builder_network};
    watch->call = docker_network_ensure(watch->engine->options.docker, &network, on_builder_network, watch);
}

/* Keeps what is needed of them, and tells what whoever runs this host should know. */
static void take_facts(struct docker_watch *watch, const struct docker_facts *facts)
{
    struct engine *engine = &watch->engine->engine;
    texts_free(engine->runtimes);
    engine->runtimes = texts_copy((const char *const *)facts->runtimes);
    if (!facts->has_seccomp)
        log_warning("engine.no-seccomp", LOG_STR("message", "functions may make every system call: the "
                                                            "engine's kernel has no CONFIG_SECCOMP_FILTER"));
    if (facts->remaps_users)
        log_info("engine.users-kept",
                 LOG_STR("message", "the engine remaps users; containers of functions are "
                                    "left out of that"));
}

static void on_facts(void *owner, const struct error *err, const struct docker_facts *facts)
{
    struct docker_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    struct error refusal;
    if (facts->is_rootless) {
        error_set(&refusal, ERROR_DOCKER_ROOTLESS,
                  "the Docker Engine runs without root, which Berth cannot use");
        error_hint(&refusal,
                   "users of its containers are others on this host, so what functions are given "
                   "would not be theirs: let `docker_socket` be that of an engine that runs as root");
        lost(watch, &refusal);
        return;
    }
    take_facts(watch, facts);
    struct docker_network network = {.name = watch->engine->options.network};
    watch->call = docker_network_ensure(watch->engine->options.docker, &network, on_network, watch);
}

static void on_ping(void *owner, const struct error *err)
{
    struct docker_watch *watch = owner;
    watch->call = NULL;
    if (err) {
        lost(watch, err);
        return;
    }
    log_info("engine.reached", LOG_STR("api", docker_api_version(watch->engine->options.docker)));
    watch->call = docker_facts_ask(watch->engine->options.docker, on_facts, watch);
}

static void begin(struct docker_watch *watch)
{
    watch->call = docker_ping(watch->engine->options.docker, on_ping, watch);
}

static struct reach *make_reach(const struct docker_engine *engine)
{
    const struct docker_engine_options *options = &engine->options;
    const struct reach_options reach = {.base = engine->engine.base,
                                        .docker = options->docker,
                                        .owner_id = options->owner_id,
                                        .network = options->network,
                                        .builder_network = options->builder_network,
                                        .program = options->firewall_program,
                                        .run_dir = options->run_dir,
                                        .name_server = options->name_server};
    return options->firewall_program ? reach_create(&reach) : NULL;
}

struct docker_watch *docker_watch_start(struct docker_engine *engine)
{
    struct docker_watch *watch = xcalloc(1, sizeof(*watch));
    watch->engine = engine;
    watch->retry = evtimer_new(engine->engine.base, on_retry, watch);
    watch->leftovers = leftovers_create(engine->engine.base, engine->options.docker);
    watch->spares = docker_spares_create(engine, watch->leftovers);
    watch->label = xasprintf("%s=%s", LABEL_HOST, engine->options.owner_id);
    watch->reach = make_reach(engine);
    begin(watch);
    return watch;
}

struct reach *docker_watch_reach(const struct docker_watch *watch)
{
    return watch->reach;
}

struct docker_spares *docker_watch_spares(const struct docker_watch *watch)
{
    return watch->spares;
}

void docker_watch_add_mirrors(struct docker_watch *watch, const char *text)
{
    if (watch->reach)
        reach_add_mirrors(watch->reach, text);
}

void docker_watch_leave(struct docker_watch *watch)
{
    docker_spares_leave(watch->spares);
    reach_destroy(watch->reach, true);
    watch->reach = NULL;
}

void docker_watch_end(struct docker_watch *watch)
{
    if (!watch)
        return;
    docker_cancel(watch->call);
    docker_cancel(watch->events);
    event_free(watch->retry);
    docker_spares_destroy(watch->spares);
    leftovers_destroy(watch->leftovers);
    reach_destroy(watch->reach, false);
    free(watch->label);
    free(watch);
}
