#include "fleet/engine/docker_spares.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/timer.h"
#include "docker/events.h"
#include "fleet/engine/leftovers.h"
#include "fleet/engine/spare_holder.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define REFILL_DELAY_MS 200 /* whoever took one is starting, and is to have the engine for itself */
#define RETRY_FIRST_MS  1000 /* after a failure; doubling */
#define RETRY_MOST_MS   60000

enum spare_state { SPARE_MAKING, SPARE_READY, SPARE_TAKEN, SPARE_ENDING };

struct spare {
    TAILQ_ENTRY(spare) link;
    struct docker_spares *spares;
    enum spare_state state;
    char id[SPARE_ID_DIGITS + 1];
    struct spare_holder *making; /* while that goes on */
    char *holder; /* container; NULL: not known yet */
    char *network; /* "container:ID"; NULL before it is ready */
    char *address;
    char *instance; /* that it was given to, or NULL */
    char *joined; /* its container, or NULL */
    struct docker_call *call; /* removes the holder, or ends what has joined it */
    struct engine_ticket ticket;
    bool is_seen; /* at a look at all containers */
};

struct docker_spares {
    struct docker_engine *engine;
    struct leftovers *leftovers;
    struct event *refill;
    struct engine_account account;
    TAILQ_HEAD(, spare) list; /* oldest first */
    uint64_t pause_ms; /* after the last failure; 0: it was none */
    bool is_begun;
    void (*finished)(void *context); /* NULL: nobody waits for the end */
    void *finish_context;
};

static void refill_in(struct docker_spares *spares, uint64_t wait_ms)
{
    uint64_t now_ms = clock_ms();
    timer_at(spares->refill, now_ms + wait_ms, now_ms);
}

static struct spare *find(const struct docker_spares *spares, const char *id)
{
    struct spare *spare;
    TAILQ_FOREACH(spare, &spares->list, link)
    {
        if (id && strcmp(spare->id, id) == 0)
            return spare;
    }
    return NULL;
}

static struct spare *add(struct docker_spares *spares, enum spare_state state, const char *id)
{
    struct spare *spare = xcalloc(1, sizeof(*spare));
    spare->spares = spares;
    spare->state = state;
    spare->ticket.owner = spare;
    if (id)
        snprintf(spare->id, sizeof(spare->id), "%s", id);
    else
        ident_random(spare->id, SPARE_ID_DIGITS);
    TAILQ_INSERT_TAIL(&spares->list, spare, link);
    return spare;
}

static void tell_finished(struct docker_spares *spares)
{
    void (*finished)(void *context) = spares->finished;
    if (!finished || !TAILQ_EMPTY(&spares->list))
        return;
    spares->finished = NULL;
    finished(spares->finish_context);
}

/* It is in the list no more. */
static void spare_free(struct spare *spare)
{
    engine_queue_finish(spare->spares->engine->engine.queue, &spare->ticket);
    spare_holder_cancel(spare->making);
    docker_cancel(spare->call);
    free(spare->holder);
    free(spare->network);
    free(spare->address);
    free(spare->instance);
    free(spare->joined);
    free(spare);
}

static void forget(struct spare *spare)
{
    struct docker_spares *spares = spare->spares;
    TAILQ_REMOVE(&spares->list, spare, link);
    spare_free(spare);
    tell_finished(spares);
}

/* --- removal --- */

static void on_removed(void *owner, const struct error *err)
{
    struct spare *spare = owner;
    spare->call = NULL;
    if (err && err->code != ERROR_NOT_FOUND) {
        cleanup_free char *name = spare_holder_name(spare->id);
        leftovers_remove(spare->spares->leftovers, spare->holder, name, "spare");
    }
    forget(spare);
}

static void run_removal(void *owner)
{
    struct spare *spare = owner;
    docker_cancel(spare->call);
    spare->call = docker_container_remove(spare->spares->engine->options.docker, spare->holder, true,
                                          on_removed, spare);
}

/* Whatever it is at. What is being made goes once it is. */
static void discard(struct spare *spare)
{
    if (spare->state == SPARE_ENDING)
        return;
    spare->state = SPARE_ENDING;
    if (spare->making)
        return;
    struct engine_queue *queue = spare->spares->engine->engine.queue;
    engine_queue_finish(queue, &spare->ticket);
    if (!spare->holder) {
        forget(spare);
        return;
    }
    spare->ticket.run = run_removal;
    engine_queue_remove(queue, &spare->ticket);
}

/* --- making them --- */

static void note_failure(struct docker_spares *spares, const struct error *err)
{
    if (spares->pause_ms == 0)
        log_warning("engine.no-spare-network", LOG_ERR(err));
    spares->pause_ms = spares->pause_ms == 0                  ? RETRY_FIRST_MS
                       : spares->pause_ms < RETRY_MOST_MS / 2 ? 2 * spares->pause_ms
                                                              : RETRY_MOST_MS;
    refill_in(spares, spares->pause_ms);
}

static void on_made(void *owner, const struct error *err, const char *holder, const char *address)
{
    struct spare *spare = owner;
    struct docker_spares *spares = spare->spares;
    bool is_wanted = spare->state == SPARE_MAKING;
    spare->making = NULL;
    engine_queue_finish(spares->engine->engine.queue, &spare->ticket);
    spare->holder = holder ? xstrdup(holder) : NULL;
    spare->state = SPARE_READY;
    if (err || !is_wanted) {
        discard(spare);
        if (err)
            note_failure(spares, err);
        return;
    }
    spare->network = xasprintf("container:%s", holder);
    spare->address = xstrdup(address);
    spares->pause_ms = 0;
    refill_in(spares, 0);
}

static void run_making(void *owner)
{
    struct spare *spare = owner;
    spare->making = spare_holder_make(spare->spares->engine, spare->id, on_made, spare);
}

static unsigned count(const struct docker_spares *spares, enum spare_state state)
{
    unsigned number = 0;
    const struct spare *spare;
    TAILQ_FOREACH(spare, &spares->list, link)
    number += spare->state == state;
    return number;
}

/* One at a time, and none while others start: nobody waits for it. */
static void on_refill(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct docker_spares *spares = context;
    const struct engine *engine = &spares->engine->engine;
    if (!spares->is_begun || engine_is_away(engine) || count(spares, SPARE_MAKING) > 0 ||
        count(spares, SPARE_READY) >= spares->engine->options.spare_networks)
        return;
    if (engine_queue_starts(engine->queue) > 0) {
        refill_in(spares, REFILL_DELAY_MS);
        return;
    }
    struct spare *spare = add(spares, SPARE_MAKING, NULL);
    spare->ticket.run = run_making;
    engine_queue_start(engine->queue, &spare->ticket, &spares->account);
}

/* --- giving them away --- */

const char *docker_spares_take(struct docker_spares *spares, const char *instance, const char **ret_network)
{
    struct spare *spare;
    TAILQ_FOREACH(spare, &spares->list, link)
    {
        if (spare->state == SPARE_READY)
            break;
    }
    if (!spare || !spares->is_begun)
        return NULL;
    spare->state = SPARE_TAKEN;
    spare->instance = xstrdup(instance);
    *ret_network = spare->network;
    refill_in(spares, REFILL_DELAY_MS);
    return spare->id;
}

void docker_spares_joined(struct docker_spares *spares, const char *id, const char *container)
{
    struct spare *spare = find(spares, id);
    if (!spare)
        return;
    if (!container)
        discard(spare);
    else if (!spare->joined)
        spare->joined = xstrdup(container);
}

const char *docker_spares_address(const struct docker_spares *spares, const char *id)
{
    const struct spare *spare = find(spares, id);
    return spare ? spare->address : NULL;
}

unsigned docker_spares_count(const struct docker_spares *spares, unsigned *ret_taken)
{
    *ret_taken = count(spares, SPARE_TAKEN);
    return count(spares, SPARE_READY);
}

/* --- what the engine tells --- */

static void on_ended(void *owner, const struct error *err)
{
    struct spare *spare = owner;
    spare->call = NULL;
    if (err && err->code != ERROR_NOT_FOUND)
        log_warning("engine.network-lost", LOG_STR("instance", spare->instance), LOG_ERR(err));
}

/* Somebody has ended the holder, and with it the network: what has joined it goes, too. */
static void note_loss(struct spare *spare)
{
    if (spare->state != SPARE_TAKEN) {
        refill_in(spare->spares, REFILL_DELAY_MS);
        discard(spare);
    } else if (spare->joined && !spare->call) {
        log_warning("engine.network-lost", LOG_STR("instance", spare->instance),
                    LOG_STR("message", "the container that holds its network has ended, so it is stopped"));
        spare->call = docker_container_stop(spare->spares->engine->options.docker, spare->joined,
                                            CONTAINER_STOP_S, on_ended, spare);
    }
}

void docker_spares_see_joined(struct docker_spares *spares, const char *id, const char *instance,
                              const char *container)
{
    struct spare *spare = find(spares, id);
    if (!spare) {
        spare = add(spares, SPARE_TAKEN, id);
        spare->instance = xstrdup(instance);
        spare->joined = xstrdup(container);
    }
}

void docker_spares_see_holder(struct docker_spares *spares, const char *id,
                              const struct docker_listing *holder)
{
    struct spare *spare = find(spares, id);
    if (!spare) {
        leftovers_remove(spares->leftovers, holder->id, holder->name, holder->state);
        return;
    }
    spare->is_seen = true;
    if (!spare->holder && !spare->making)
        spare->holder = xstrdup(holder->id);
    if (spare->holder && strcmp(holder->state, "running") != 0)
        note_loss(spare);
}

/* What belongs to nobody any more goes. */
static void settle(struct spare *spare)
{
    const struct engine_hooks *hooks = &spare->spares->engine->engine.hooks;
    bool is_seen = spare->is_seen;
    spare->is_seen = false;
    if (spare->state == SPARE_TAKEN && !hooks->is_known(hooks->context, spare->instance))
        discard(spare);
    else if (!is_seen && (spare->state == SPARE_READY || spare->state == SPARE_TAKEN))
        note_loss(spare);
}

void docker_spares_seen(struct docker_spares *spares)
{
    struct spare *next;
    for (struct spare *spare = TAILQ_FIRST(&spares->list); spare; spare = next) {
        next = TAILQ_NEXT(spare, link);
        settle(spare);
    }
}

void docker_spares_note(struct docker_spares *spares, const char *id, const struct docker_event *event)
{
    struct spare *spare = find(spares, id);
    bool is_holder = !docker_label(event->attributes, LABEL_INSTANCE);
    if (!spares->is_begun)
        return;
    if (!spare && is_holder && strcmp(event->action, "create") == 0)
        leftovers_remove(spares->leftovers, event->id, event->name, "created");
    else if (spare && is_holder && spare->holder && strcmp(event->action, "die") == 0)
        note_loss(spare);
    else if (spare && !is_holder && strcmp(event->action, "destroy") == 0)
        discard(spare);
}

/* --- its own life --- */

struct docker_spares *docker_spares_create(struct docker_engine *engine, struct leftovers *leftovers)
{
    struct docker_spares *spares = xcalloc(1, sizeof(*spares));
    spares->engine = engine;
    spares->leftovers = leftovers;
    spares->account.yields = true;
    spares->refill = evtimer_new(engine->engine.base, on_refill, spares);
    TAILQ_INIT(&spares->list);
    return spares;
}

void docker_spares_begin(struct docker_spares *spares)
{
    spares->is_begun = !spares->finished;
    refill_in(spares, REFILL_DELAY_MS);
}

void docker_spares_leave(struct docker_spares *spares)
{
    spares->is_begun = false;
    evtimer_del(spares->refill);
}

void docker_spares_finish(struct docker_spares *spares, void (*done)(void *context), void *context)
{
    struct spare *next;
    docker_spares_leave(spares);
    for (struct spare *spare = TAILQ_FIRST(&spares->list); spare; spare = next) {
        next = TAILQ_NEXT(spare, link);
        discard(spare);
    }
    spares->finished = done;
    spares->finish_context = context;
    tell_finished(spares);
}

void docker_spares_destroy(struct docker_spares *spares)
{
    if (!spares)
        return;
    for (struct spare *spare; (spare = queue_take_first(&spares->list, link));)
        spare_free(spare);
    event_free(spares->refill);
    free(spares);
}
