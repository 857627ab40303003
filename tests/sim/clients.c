#include "clients.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "containers.h"
#include "fleet/fleet.h"
#include "routing/route_table.h"
#include "routing/slot_pool.h"
#include "routing/slot_wait.h"
#include "rules.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define WORKERS         2
#define LOOK_MS         20 /* as gateway/lost.c */
#define CAUSE_MS        5000
#define SERVER_LOOK_MS  50
#define ROUNDS_MAX      2000
#define LEAVES_OF_1000  40
#define OVERRUN_OF_1000 15
#define LONGEST_MS      1900 /* below the least `timeout` */

struct worker {
    struct mailbox inbox;
    struct event *event;
    struct route_snapshot *routes;
};

/* A connection that a worker watches. */
struct watch {
    struct slot *slot; /* a reference */
    struct event *event;
    struct request *user; /* NULL: it is idle */
};

enum stage { ASKS, WAITS, KEEPS_SLOT, SEEKS_CAUSE, STAGES };

struct request {
    struct slot_waiter waiter; /* first, so that its mail leads back to it */
    LIST_ENTRY(request) link;
    unsigned number;
    char function[16];
    enum stage stage;
    enum patience patience;
    struct worker *worker;
    struct slot *slot;
    struct watch *watch;
    uint64_t instance;
    struct agenda_item *next;
    uint64_t asked_ms, slot_ms, ends_ms, lost_ms, unreached_ms;
    enum outcome plan; /* served, left or limit */
    bool repeated;
    unsigned rounds;
};

static LIST_HEAD(, request) requests = LIST_HEAD_INITIALIZER(requests);
static struct worker workers[WORKERS];
static struct event_base *loop;
static struct route_table *table;
static unsigned numbers, count, ended[OUTCOMES];
static char last_error[1024];

static void ask(struct request *request);
static void lose(struct request *request);

/* --- their ends --- */

static void finish(struct request *request, enum outcome outcome)
{
    trace_note("request %u for %s ends: %d", request->number, request->function, outcome);
    sim.totals->outcomes[outcome]++;
    ended[outcome]++;
    LIST_REMOVE(request, link);
    count--;
    agenda_strike(request->next);
    free(request);
}

static void finish_told(struct request *request, const struct error *err)
{
    snprintf(last_error, sizeof(last_error), "%s: %s", error_code_slug(err->code), err->message);
    trace_note("request %u is told %s", request->number, error_code_slug(err->code));
    finish(request, OUTCOME_ERROR);
}

static void ask_again(void *context)
{
    struct request *request = context;
    request->next = NULL;
    ask(request);
}

static void go_round(struct request *request, unsigned delay_ms)
{
    if (++request->rounds > ROUNDS_MAX)
        trace_violation("request %u for %s is sent from slot to slot", request->number, request->function);
    request->stage = ASKS;
    request->next = agenda_add_daemons(delay_ms, ask_again, request);
}

/* --- connections --- */

static void watch_free(void *context)
{
    struct watch *watch = context;
    slot_unref(watch->slot);
    free(watch);
}

static void stop_watching(struct watch *watch)
{
    if (watch->event)
        event_free(watch->event);
    watch->event = NULL;
    if (watch->user)
        watch->user->watch = NULL;
    watch->user = NULL;
    agenda_add_daemons(0, watch_free, watch);
}

static void unwatch(struct slot *slot)
{
    struct watch *watch = slot->link;
    slot->link = NULL;
    slot->watcher = NULL;
    slot->home = -1;
    stop_watching(watch);
}

static void on_moving(struct slot *slot)
{
    unwatch(slot);
}

static void on_closing(struct slot *slot)
{
    shutdown(slot->fd, SHUT_RDWR);
    stop_watching(slot->link);
}

static const struct slot_watcher watcher = {.moving = on_moving, .leaving = unwatch, .closing = on_closing};

static bool is_closed(const struct slot *slot)
{
    char byte;
    return recv(slot->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct watch *watch = context;
    if (!is_closed(watch->slot))
        return;
    if (watch->user)
        lose(watch->user);
    else
        slot_pool_drop_idle(watch->slot, watch);
}

static struct watch *watch_slot(struct request *request, struct slot *slot)
{
    int home = (int)(request->worker - workers);
    if (slot->link && slot->home != home)
        unwatch(slot);
    if (!slot->link) {
        struct watch *watch = xcalloc(1, sizeof(*watch));
        watch->slot = slot_ref(slot);
        watch->event = event_new(loop, slot->fd, EV_READ | EV_PERSIST, on_readable, watch);
        event_add(watch->event, NULL);
        slot->link = watch;
        slot->watcher = &watcher;
        slot->home = home;
    }
    struct watch *watch = slot->link;
    watch->user = request;
    return watch;
}

/* --- with a slot --- */

/* The container that the request is in, if it is still there. */
static struct played_container *container_of_request(const struct request *request)
{
    return containers_find_instance(request->instance);
}

static void release(struct request *request, enum slot_fate fate)
{
    struct slot *slot = request->slot;
    struct played_container *container = container_of_request(request);
    uint64_t service_us = (virtual_time_ms() - request->slot_ms) * 1000 + 1;
    if (request->watch)
        request->watch->user = NULL;
    if (container && container->requests > 0)
        container->requests--;
    agenda_strike(steal(&request->next));
    request->slot = NULL;
    request->watch = NULL;
    if (slot->address && fate != SLOT_LOST && fate != SLOT_UNREACHED)
        fate = SLOT_REUSABLE;
    rules_slot_released(slot);
    slot_pool_release(slot, fate, clock_ms(),
                      fate == SLOT_DROPPED || fate == SLOT_UNREACHED ? 0 : service_us);
}

static void look_for_cause(void *context)
{
    struct request *request = context;
    struct error cause;
    request->next = NULL;
    enum instance_loss loss = fleet_loss_cause(sim.fleet, request->instance, request->lost_ms, &cause);
    bool waits = loss == LOSS_UNKNOWN && clock_ms() < request->lost_ms + CAUSE_MS;
    if (waits) {
        request->next = agenda_add_daemons(LOOK_MS, look_for_cause, request);
    } else if (loss == LOSS_OWN || request->repeated) {
        finish(request, OUTCOME_LOST);
    } else {
        request->repeated = true;
        go_round(request, 0);
    }
}

/* Its connection has broken under it. */
static void lose(struct request *request)
{
    trace_note("request %u is lost", request->number);
    release(request, SLOT_LOST);
    request->stage = SEEKS_CAUSE;
    request->lost_ms = clock_ms();
    look_for_cause(request);
}

static bool is_served(const struct played_container *container)
{
    return container && container->runner && *runner_function(container->runner);
}

static void end_as_planned(struct request *request)
{
    if (request->plan == OUTCOME_LIMIT)
        fleet_instance_timed_out(sim.fleet, request->instance);
    if (request->plan != OUTCOME_SERVED)
        trace_fault(FAULT_CLIENTS, "request %u %s", request->number,
                    request->plan == OUTCOME_LIMIT ? "runs into its time limit" : "is given up");
    release(request, request->plan == OUTCOME_SERVED ? SLOT_REUSABLE : SLOT_BROKEN);
    finish(request, request->plan);
}

static void go_on(void *context)
{
    struct request *request = context;
    request->next = NULL;
    uint64_t now_ms = virtual_time_ms();
    if (request->slot->address && !is_served(container_of_request(request))) {
        lose(request);
    } else if (now_ms >= request->ends_ms) {
        end_as_planned(request);
    } else {
        uint64_t left_ms = request->ends_ms - now_ms;
        bool looks = request->slot->address && left_ms > SERVER_LOOK_MS;
        request->next = agenda_add_daemons(looks ? SERVER_LOOK_MS : (unsigned)left_ms, go_on, request);
    }
}

static void plan_end(struct request *request, unsigned limit_ms)
{
    unsigned lasts_ms = chance_skewed(&sim.chance, 1, LONGEST_MS);
    bool may_fail = sim.kinds & FAULT_BIT(FAULT_CLIENTS);
    request->plan = OUTCOME_SERVED;
    if (may_fail && chance_in_1000(&sim.chance, OVERRUN_OF_1000))
        lasts_ms = limit_ms;
    else if (may_fail && chance_in_1000(&sim.chance, LEAVES_OF_1000))
        request->plan = OUTCOME_LEFT;
    if (lasts_ms >= limit_ms) {
        lasts_ms = limit_ms;
        request->plan = OUTCOME_LIMIT;
    }
    request->ends_ms = virtual_time_ms() + lasts_ms;
}

/* Nobody has taken the connection: the server has gone, or is back in a moment. */
static void try_server_again(struct request *request)
{
    uint64_t now_ms = virtual_time_ms();
    release(request, SLOT_UNREACHED);
    if (request->unreached_ms == 0)
        request->unreached_ms = now_ms;
    if (now_ms < request->unreached_ms + CAUSE_MS) {
        go_round(request, LOOK_MS);
        return;
    }
    fleet_instance_timed_out(sim.fleet, request->instance);
    finish(request, OUTCOME_LOST);
}

static void begin(struct request *request, struct slot *slot)
{
    const struct route *route =
        route_snapshot_find(request->worker->routes, request->function, strlen(request->function));
    struct played_container *container;
    request->stage = KEEPS_SLOT;
    request->slot = slot;
    request->slot_ms = virtual_time_ms();
    request->instance = slot_instance(slot);
    container = container_of_request(request);
    if (container)
        container->requests++;
    rules_slot_given(slot, request->function);
    if (slot->address && !is_served(container)) {
        try_server_again(request);
    } else if (!slot->address && is_closed(slot)) {
        release(request, SLOT_DROPPED);
        go_round(request, 0);
    } else {
        if (!slot->address)
            request->watch = watch_slot(request, slot);
        plan_end(request, route ? route->limits.timeout_ms : LONGEST_MS);
        go_on(request);
    }
}

/* --- without --- */

static void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    struct request *request = (struct request *)mail;
    cleanup_free struct error *err = request->waiter.error;
    struct slot *slot = request->waiter.slot;
    slot_pool_unref(request->waiter.pool);
    agenda_strike(steal(&request->next));
    if (err)
        finish_told(request, err);
    else
        begin(request, slot);
}

static void lose_patience(void *context)
{
    struct request *request = context;
    request->next = NULL;
    if (slot_waiter_cancel(&request->waiter))
        finish(request, OUTCOME_PATIENCE);
}

static void wait_for_slot(struct request *request, const struct route *route)
{
    request->stage = WAITS;
    if (request->patience == WAITS_AS_SET)
        request->next = agenda_add_daemons(route->limits.queue_timeout_ms, lose_patience, request);
}

static void take_slot(struct request *request, const struct route *route)
{
    struct slot *slot = NULL;
    struct worker *worker = request->worker;
    request->waiter = (struct slot_waiter){
        .mail.deliver = on_mail,
        .inbox = &worker->inbox,
        .queue_length = request->patience == WAITS_AS_SET ? route->limits.queue_length : 1000000};
    switch (slot_pool_acquire(route->pool, (int)(worker - workers), clock_ms(), &request->waiter, &slot)) {
    case SLOT_TAKEN:
        rules_slot_taken_at_once(slot);
        begin(request, slot);
        break;
    case SLOT_QUEUED:
        wait_for_slot(request, route);
        break;
    case SLOT_REFUSED:
        finish(request, OUTCOME_REFUSED);
        break;
    }
}

static void ask(struct request *request)
{
    struct worker *worker = request->worker;
    struct error err;
    route_table_refresh(table, &worker->routes);
    const struct route *route =
        route_snapshot_find(worker->routes, request->function, strlen(request->function));
    if (!route) {
        error_set(&err, ERROR_FUNCTION_UNKNOWN, "there is none");
        finish_told(request, &err);
    } else if (!route->pool) {
        error_recall(route->problem, &err);
        finish_told(request, &err);
    } else {
        take_slot(request, route);
    }
}

void clients_ask(const char *function, enum patience patience)
{
    if (!table)
        return; /* nobody listens */
    struct request *request = xcalloc(1, sizeof(*request));
    snprintf(request->function, sizeof(request->function), "%s", function);
    request->number = ++numbers;
    request->patience = patience;
    request->worker = &workers[chance_below(&sim.chance, WORKERS)];
    request->asked_ms = virtual_time_ms();
    LIST_INSERT_HEAD(&requests, request, link);
    count++;
    trace_note("request %u for %s", request->number, function);
    ask(request);
}

/* --- the gateway --- */

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    mailbox_deliver(&((struct worker *)context)->inbox, NULL);
}

void clients_begin(struct event_base *base, struct route_table *routes)
{
    struct error err;
    loop = base;
    table = routes;
    for (int i = 0; i < WORKERS; i++) {
        if (mailbox_init(&workers[i].inbox, &err) < 0)
            trace_violation("%s", err.message);
        workers[i].routes = NULL;
        workers[i].event = event_new(base, workers[i].inbox.fd, EV_READ | EV_PERSIST, on_inbox, &workers[i]);
        event_add(workers[i].event, NULL);
    }
}

static void cut_off(struct request *request)
{
    if (request->stage == WAITS && !slot_waiter_cancel(&request->waiter))
        return; /* its mail is there */
    if (request->slot)
        release(request, SLOT_BROKEN);
    finish(request, OUTCOME_ENDED);
}

static void cut_all_off(void)
{
    while (count > 0) {
        for (struct request *request = LIST_FIRST(&requests), *next; request; request = next) {
            next = LIST_NEXT(request, link);
            cut_off(request);
        }
        for (int i = 0; i < WORKERS; i++)
            mailbox_deliver(&workers[i].inbox, NULL);
    }
}

void clients_end(bool killed)
{
    if (!killed)
        cut_all_off();
    for (struct request *request; (request = LIST_FIRST(&requests));) {
        request->next = NULL; /* it was the daemon's */
        finish(request, OUTCOME_ENDED);
    }
    for (struct played_container *container = containers_first(); container;
         container = containers_next(container))
        container->requests = 0;
    rules_no_slots();
    for (int i = 0; i < WORKERS && !killed; i++) {
        route_snapshot_unref(workers[i].routes);
        event_free(workers[i].event);
        mailbox_clear(&workers[i].inbox);
    }
    table = NULL;
}

unsigned clients_count(void)
{
    return count;
}

unsigned clients_waiting(void)
{
    unsigned waiting = 0;
    const struct request *request;
    LIST_FOREACH(request, &requests, link)
    waiting += request->stage == WAITS;
    return waiting;
}

unsigned clients_outcomes(enum outcome outcome)
{
    return ended[outcome];
}

void clients_count_anew(void)
{
    memset(ended, 0, sizeof(ended));
}

const char *clients_last_error(void)
{
    return last_error;
}

void clients_describe_waiting(char *text, unsigned size)
{
    static const char *const stages[STAGES] = {"asks", "waits", "keeps a slot", "seeks a cause"};
    const struct request *request = LIST_FIRST(&requests);
    snprintf(text, size, "none");
    if (request)
        snprintf(text, size, "request %u for %s, which has been asked for at %llu ms and %s", request->number,
                 request->function, (unsigned long long)request->asked_ms, stages[request->stage]);
}
