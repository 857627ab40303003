#include "fleet/container/container.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"

#include <stdlib.h>
#include <string.h>

#define REMOVE_TRIES    6
#define REMOVE_RETRY_MS 100 /* before the second try; doubling */
#define RENAME_DELAY_MS 30 /* most functions have loaded and answered by then */

struct container {
    struct engine *engine;
    struct container_hooks hooks;
    void *owner;
    char instance[INSTANCE_ID_DIGITS + 1];
    char *name; /* that it was made with; NULL: it was not */
    char *id; /* NULL: there is none, as far as is known */
    bool started, reached, loads, dead, signalled, removing;
    struct engine_call *call; /* create, start, stop or remove: one at a time */
    struct engine_call *limiting, *renaming, *seeing, *locating; /* run beside the above */
    struct engine_ticket ticket;
    struct event *timer; /* the next try to remove it; the end of one that has never been */
    struct event *naming; /* it is given `new_name` */
    char *new_name;
    unsigned remove_tries;
    struct container_output *output;
    struct autopsy *autopsy;
};

/* --- removal --- */

/* What the engine could not remove now it may be able to remove later; what it never can is found again when
 * the engine is looked at the next time. */
static void on_removed(void *owner, const struct error *err)
{
    struct container *container = owner;
    container->call = NULL;
    if (!err || err->code == ERROR_NOT_FOUND) {
        container->hooks.gone(container->owner);
    } else if (++container->remove_tries < REMOVE_TRIES) {
        engine_queue_finish(container->engine->queue, &container->ticket);
        uint64_t now_ms = clock_ms();
        timer_at(container->timer, now_ms + (REMOVE_RETRY_MS << (container->remove_tries - 1)), now_ms);
    } else {
        log_warning("instance.container-left", LOG_STR("instance", container->instance), LOG_ERR(err));
        container->hooks.gone(container->owner);
    }
}

static void on_stopped(void *owner, const struct error *err)
{
    (void)err; /* removal is forced, so whatever kept it from stopping does not matter */
    struct container *container = owner;
    struct engine *engine = container->engine;
    container->dead = true;
    container->call = engine->kind->remove(engine, container->id, on_removed, container);
}

static void run_removal(void *owner)
{
    struct container *container = owner;
    struct engine *engine = container->engine;
    if (container->started && !container->dead)
        container->call = engine->kind->stop(engine, container->id, on_stopped, container);
    else
        on_stopped(container, NULL);
}

/* Without a container there is nothing to ask the engine for, but the end comes from the event loop all the
 * same. */
static void queue_removal(struct container *container)
{
    engine_queue_finish(container->engine->queue, &container->ticket);
    if (!container->id) {
        timer_at(container->timer, 0, 0);
        return;
    }
    container->ticket.run = run_removal;
    engine_queue_remove(container->engine->queue, &container->ticket);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct container *container = context;
    if (container->id)
        queue_removal(container);
    else
        container->hooks.gone(container->owner);
}

void container_remove(struct container *container)
{
    container->removing = true;
    if (!container->call)
        queue_removal(container);
}

void container_leave(struct container *container)
{
    container->removing = true;
    free(steal(&container->id));
    queue_removal(container);
}

/* --- start --- */

static void run_turn(void *owner)
{
    struct container *container = owner;
    container->hooks.turn(container->owner);
}

static struct container *make(struct engine *engine, const char *instance,
                              const struct container_hooks *hooks, void *owner)
{
    struct container *container = xcalloc(1, sizeof(*container));
    container->engine = engine;
    container->hooks = *hooks;
    container->owner = owner;
    memcpy(container->instance, instance, INSTANCE_ID_DIGITS);
    container->timer = evtimer_new(engine->base, on_timer, container);
    container->ticket.owner = container;
    return container;
}

struct container *container_queue(struct engine *engine, const char *instance,
                                  const struct container_hooks *hooks, struct engine_account *account,
                                  void *owner)
{
    struct container *container = make(engine, instance, hooks, owner);
    container->ticket.run = run_turn;
    engine_queue_start(engine->queue, &container->ticket, account);
    return container;
}

struct container *container_adopt(struct engine *engine, const char *instance, const char *id, bool is_dead,
                                  const struct container_hooks *hooks, void *owner)
{
    struct container *container = make(engine, instance, hooks, owner);
    container->id = id ? xstrdup(id) : NULL;
    container->started = container->reached = true;
    container->dead = is_dead;
    return container;
}

int container_resume_output(struct container *container, const char *run_dir, struct error *err)
{
    return container_output_open(container->engine->base, run_dir, container->instance, &container->output,
                                 err);
}

/* Whether a container may be there although the engine reported a failure to make it. */
static bool may_exist(const struct error *err)
{
    return err->code != ERROR_IMAGE_MISSING && err->code != ERROR_CONFLICT &&
           err->code != ERROR_DOCKER_REQUEST;
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    struct container *container = owner;
    container->call = NULL;
    if (id)
        container->id = xstrdup(id);
    else if (may_exist(err))
        container->id = xstrdup(container->name); /* then it can be removed by that */
    if (container->removing)
        queue_removal(container);
    else if (err)
        container->hooks.failed(container->owner, err);
    else
        container->hooks.created(container->owner);
}

int container_create(struct container *container, const struct container_spec *spec,
                     const struct container_place *place, struct error *err)
{
    struct engine *engine = container->engine;
    if (place->run_dir &&
        container_output_open(engine->base, place->run_dir, container->instance, &container->output, err) < 0)
        return -1;
    container->name = xstrdup(place->name);
    container->call = engine->kind->create(engine, spec, place, on_created, container);
    return 0;
}

/* A start is over when the runner has reached the host, or never will. While a function loads in it, others
 * do not begin at once. */
static void finish_start(struct container *container)
{
    if (container->loads)
        engine_queue_linger(container->engine->queue, &container->ticket);
    else
        engine_queue_finish(container->engine->queue, &container->ticket);
}

static void on_started(void *owner, const struct error *err)
{
    struct container *container = owner;
    container->call = NULL;
    if (container->removing) {
        queue_removal(container);
    } else if (err) {
        finish_start(container);
        container->hooks.failed(container->owner, err);
    } else {
        container->started = true;
        if (container->reached || container->dead)
            finish_start(container);
        container->hooks.started(container->owner);
    }
}

void container_start(struct container *container)
{
    struct engine *engine = container->engine;
    container->call = engine->kind->start(engine, container->id, on_started, container);
}

static void on_located(void *owner, const struct error *err, const struct container_state *state)
{
    struct container *container = owner;
    container->locating = NULL;
    container->hooks.located(container->owner, err, state);
}

void container_locate(struct container *container)
{
    struct engine *engine = container->engine;
    container->locating = engine->kind->inspect(engine, container->id, 0, on_located, container);
}

void container_note_reached(struct container *container)
{
    container->started = container->reached = true;
    if (!container->call)
        finish_start(container);
}

void container_note_loads(struct container *container, bool loads)
{
    container->loads = loads;
    if (container->reached && !container->call && !container->removing)
        finish_start(container);
}

void container_free(struct container *container)
{
    if (!container)
        return;
    autopsy_cancel(container->autopsy);
    container_output_close(container->output);
    engine_cancel(container->call);
    engine_cancel(container->limiting);
    engine_cancel(container->renaming);
    engine_cancel(container->seeing);
    engine_cancel(container->locating);
    engine_queue_finish(container->engine->queue, &container->ticket);
    event_free(container->timer);
    if (container->naming)
        event_free(container->naming);
    free(container->new_name);
    free(container->name);
    free(container->id);
    free(container);
}

/* --- while it runs --- */

static void on_limited(void *owner, const struct error *err)
{
    struct container *container = owner;
    container->limiting = NULL;
    container->hooks.limited(container->owner, err);
}

void container_set_limits(struct container *container, const struct container_limits *limits)
{
    struct engine *engine = container->engine;
    container->limiting = engine->kind->set_limits(engine, container->id, limits, on_limited, container);
}

static void on_renamed(void *owner, const struct error *err)
{
    struct container *container = owner;
    container->renaming = NULL;
    if (err)
        log_warning("instance.rename-failed", LOG_STR("instance", container->instance), LOG_ERR(err));
}

static void on_naming(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct container *container = context;
    struct engine *engine = container->engine;
    if (!container->removing)
        container->renaming =
            engine->kind->rename(engine, container->id, container->new_name, on_renamed, container);
}

void container_rename(struct container *container, const char *name)
{
    uint64_t now_ms = clock_ms();
    container->new_name = xstrdup(name);
    container->naming = evtimer_new(container->engine->base, on_naming, container);
    timer_at(container->naming, now_ms + RENAME_DELAY_MS, now_ms);
}

void container_note_died(struct container *container)
{
    container->dead = true;
}

void container_note_signalled(struct container *container)
{
    container->signalled = true;
    if (container->autopsy)
        autopsy_note_signal(container->autopsy);
}

static void on_seen(void *owner, const struct error *err, const struct container_state *state)
{
    struct container *container = owner;
    container->seeing = NULL;
    if (err ? err->code == ERROR_NOT_FOUND : !state->running)
        container->hooks.ended(container->owner);
}

void container_verify(struct container *container)
{
    struct engine *engine = container->engine;
    if (container->started && container->id && !container->seeing)
        container->seeing = engine->kind->inspect(engine, container->id, 0, on_seen, container);
}

static void on_explained(void *owner, const struct error *cause)
{
    struct container *container = owner;
    container->autopsy = NULL;
    container->hooks.explained(container->owner, cause);
}

void container_examine(struct container *container, enum autopsy_case what,
                       const struct autopsy_subject *subject)
{
    struct autopsy_subject whole = *subject;
    whole.container_id = container->id;
    whole.output = container->output;
    container->autopsy = autopsy_start(container->engine, what, &whole, on_explained, container);
    if (container->signalled || engine_was_away(container->engine, clock_ms()))
        autopsy_note_signal(container->autopsy);
}

bool container_is_examined(const struct container *container)
{
    return container->autopsy != NULL;
}

bool container_waits(const struct container *container)
{
    return container->ticket.state == TICKET_WAITING && !container->removing;
}

bool container_is_started(const struct container *container)
{
    return container->started;
}

const char *container_id(const struct container *container)
{
    return container->id;
}

struct container_output *container_output_of(const struct container *container)
{
    return container->output;
}
