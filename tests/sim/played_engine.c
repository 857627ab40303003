#include "played_engine.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "containers.h"
#include "fleet/engine/docker_engine.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REVIEW_AGAIN_MS   500
#define CALL_LIMIT_MS     60000
#define LEFTOVER_FIRST_MS 500

enum operation { CREATE, START, STOP, REMOVE, RENAME, LIMIT, INSPECT, AWAIT, OPERATIONS };

static const char *const verbs[OPERATIONS] = {
    [CREATE] = "create", [START] = "start", [STOP] = "stop",       [REMOVE] = "remove",
    [RENAME] = "rename", [LIMIT] = "limit", [INSPECT] = "inspect", [AWAIT] = "await",
};

/* How long each usually takes, from and to, in milliseconds. */
static const unsigned durations[OPERATIONS][2] = {
    [CREATE] = {5, 300}, [START] = {20, 500}, [STOP] = {5, 3000},  [REMOVE] = {5, 500},
    [RENAME] = {1, 50},  [LIMIT] = {1, 100},  [INSPECT] = {1, 50}, [AWAIT] = {1, 20},
};

/* The engine as one daemon sees it. */
struct seen_engine {
    struct engine engine;
    struct agenda_item *look;
    bool watches, reviewed;
};

struct call {
    struct engine_call call;
    TAILQ_ENTRY(call) link;
    enum operation operation;
    char *id;
    engine_done_fn *done; /* or: */
    engine_id_fn *named;
    engine_state_fn *told;
    void *owner; /* NULL: nobody waits for it any more */
    struct agenda_item *end;
    uint64_t limit_ms; /* on the clock of virtual_time_ms() */
    enum { GOOD, REFUSED, LIED_ABOUT } course;
    /* Of CREATE. */
    struct container_spec spec;
    struct container_place place;
};

struct leftover {
    char *id;
    unsigned pause_ms;
};

static const struct engine_kind kind;
static struct seen_engine *seen; /* by the daemon of now */
static TAILQ_HEAD(, call) calls = TAILQ_HEAD_INITIALIZER(calls);
static bool is_away, is_hung;
static unsigned refused_removals;

/* --- what it tells --- */

struct end_event {
    char instance[INSTANCE_ID_DIGITS + 1];
    bool signalled;
};

static void tell_end(void *context)
{
    cleanup_free struct end_event *event = context;
    if (!seen || !seen->watches || !seen->reviewed || is_away || is_hung)
        return;
    const struct engine_hooks *hooks = &seen->engine.hooks;
    if (event->signalled)
        hooks->signalled(hooks->context, event->instance);
    hooks->died(hooks->context, event->instance);
}

/* A call that waits for this. */
static void wake_waiting(const struct played_container *container)
{
    struct call *call;
    TAILQ_FOREACH(call, &calls, link)
    {
        if (call->operation == AWAIT && call->owner && containers_find(call->id) == container)
            agenda_move(call->end, chance_between(&sim.chance, 0, 5));
    }
}

static void on_ended(const struct played_container *container, bool signalled)
{
    wake_waiting(container);
    if (chance_in_1000(&sim.chance, sim.weather.lost)) {
        trace_fault(FAULT_EVENTS, "the end of %s is not told", container->id);
        return;
    }
    bool is_late = chance_in_1000(&sim.chance, sim.weather.late);
    if (is_late)
        trace_fault(FAULT_EVENTS, "the end of %s is told late", container->id);
    struct end_event *event = xcalloc(1, sizeof(*event));
    memcpy(event->instance, container->instance, sizeof(event->instance));
    event->signalled = signalled;
    agenda_add(is_late ? chance_between(&sim.chance, 500, 8000) : chance_skewed(&sim.chance, 0, 60), tell_end,
               event);
}

/* --- containers that nobody knows --- */

static bool is_known(const char *instance)
{
    const struct engine_hooks *hooks = &seen->engine.hooks;
    return hooks->is_known(hooks->context, instance);
}

static void remove_leftover(void *context)
{
    struct leftover *leftover = context;
    struct played_container *container = containers_find(leftover->id);
    bool fails = is_away || is_hung || chance_in_1000(&sim.chance, sim.weather.refused);
    if (container && fails) {
        agenda_add_daemons(leftover->pause_ms, remove_leftover, leftover);
        leftover->pause_ms = leftover->pause_ms < 30000 ? 2 * leftover->pause_ms : 60000;
        return;
    }
    if (container)
        containers_drop(container);
    free(leftover->id);
    free(leftover);
}

static void note_leftover(const struct played_container *container)
{
    trace_note("%s is left over", container->id);
    struct leftover *leftover = xcalloc(1, sizeof(*leftover));
    *leftover = (struct leftover){.id = xstrdup(container->id), .pause_ms = LEFTOVER_FIRST_MS};
    agenda_add_daemons(chance_skewed(&sim.chance, 1, 200), remove_leftover, leftover);
}

/* --- calls --- */

static void call_free(struct call *call)
{
    TAILQ_REMOVE(&calls, call, link);
    agenda_strike(call->end);
    container_spec_clear(&call->spec);
    free((char *)call->place.name);
    free((char *)call->place.instance);
    free((char *)call->place.run_dir);
    free((char *)call->place.code_dir);
    free(call->id);
    free(call);
}

/* Ends it with an error, or, without, with what there is to tell. */
static void finish(struct call *call, enum error_code code, const char *why,
                   const struct played_container *container)
{
    struct error err;
    struct call ended = *call;
    char id[16] = "", address[32] = "";
    struct container_state state = {.error = "", .address = address};
    if (code != ERROR_NONE)
        error_set_in(&err, COMPONENT_DOCKER, code, "cannot %s %s: %s", verbs[call->operation], call->id, why);
    if (container) {
        snprintf(id, sizeof(id), "%s", container->id);
        snprintf(address, sizeof(address), "%u", container->number);
        state.running = container->stage == CONTAINER_RUNS;
        state.exit_code = container->exit_code;
        state.oom_killed = container->oom_killed;
    }
    const struct error *told = code == ERROR_NONE ? NULL : &err;
    call_free(call);
    if (!ended.owner)
        return;
    if (ended.done)
        ended.done(ended.owner, told);
    else if (ended.named)
        ended.named(ended.owner, told, told ? NULL : id);
    else
        ended.told(ended.owner, told, told ? NULL : &state);
}

/* A container that nobody waits for any more is told of as one that is new. */
static void create(struct call *call, struct played_container **ret_container)
{
    *ret_container = containers_make(&call->spec, &call->place);
    if (*ret_container && seen && seen->reviewed && !is_known((*ret_container)->instance))
        note_leftover(*ret_container);
}

/* Does what is asked for. */
static enum error_code carry_out(struct call *call, struct played_container **ret_container)
{
    struct played_container *container = *ret_container = containers_find(call->id);
    if (call->operation == CREATE) {
        create(call, ret_container);
        return *ret_container ? ERROR_NONE : ERROR_CONFLICT;
    }
    if (!container)
        return ERROR_NOT_FOUND;
    if (call->operation == START && container->stage != CONTAINER_RUNS)
        containers_start(container);
    else if (call->operation == STOP)
        containers_end(container, chance_in_1000(&sim.chance, 500) ? 0 : 137, false, true);
    else if (call->operation == REMOVE)
        containers_drop(container);
    return ERROR_NONE;
}

static void do_now(struct call *call)
{
    struct played_container *container = NULL;
    if (call->course == REFUSED) {
        trace_fault(FAULT_CALLS, "the engine does not %s %s", verbs[call->operation], call->id);
        refused_removals += call->operation == REMOVE;
        finish(call, ERROR_DOCKER_ERROR, "it does not want to", NULL);
        return;
    }
    enum error_code code = carry_out(call, &container);
    if (call->operation == REMOVE)
        container = NULL;
    if (call->course == LIED_ABOUT && code == ERROR_NONE) {
        trace_fault(FAULT_CALLS, "the engine does %s %s, and denies it", verbs[call->operation], call->id);
        code = ERROR_DOCKER_ERROR;
    }
    finish(call, code, code == ERROR_NOT_FOUND ? "there is none" : "as it happens", container);
}

/* Nobody knows whether it is done. */
static void time_out(struct call *call)
{
    struct played_container *container;
    if (call->operation <= REMOVE && chance_in_1000(&sim.chance, 500))
        carry_out(call, &container);
    finish(call, ERROR_DOCKER_TIMEOUT, "it takes too long", NULL);
}

static void on_due(void *context)
{
    struct call *call = context;
    const struct played_container *container = containers_find(call->id);
    call->end = NULL;
    if (is_away) {
        finish(call, ERROR_DOCKER_UNREACHABLE, "it is not there", NULL);
    } else if (virtual_time_ms() >= call->limit_ms) {
        time_out(call);
    } else if (is_hung || (call->operation == AWAIT && container && container->stage == CONTAINER_RUNS)) {
        call->end = agenda_add((unsigned)(call->limit_ms - virtual_time_ms()), on_due, call);
    } else {
        do_now(call);
    }
}

static void choose_course(struct call *call, unsigned *delay_ms)
{
    if (chance_in_1000(&sim.chance, sim.weather.refused))
        call->course = REFUSED;
    else if (chance_in_1000(&sim.chance, sim.weather.lied_about))
        call->course = LIED_ABOUT;
    if (!chance_in_1000(&sim.chance, sim.weather.held))
        return;
    trace_fault(FAULT_CALLS, "the engine takes its time to %s %s", verbs[call->operation], call->id);
    *delay_ms = chance_between(&sim.chance, 5000, 2 * CALL_LIMIT_MS);
}

static struct call *begin(enum operation operation, const char *id, unsigned limit_ms, void *owner)
{
    struct call *call = xcalloc(1, sizeof(*call));
    unsigned delay_ms = chance_skewed(&sim.chance, durations[operation][0], durations[operation][1]);
    *call = (struct call){.call.kind = &kind, .operation = operation, .id = xstrdup(id), .owner = owner};
    sim.totals->engine_calls++;
    limit_ms = limit_ms ? limit_ms : CALL_LIMIT_MS;
    call->limit_ms = virtual_time_ms() + limit_ms;
    choose_course(call, &delay_ms);
    if (sim.weather.slow)
        delay_ms *= 10;
    if (is_away)
        delay_ms = 1;
    if (delay_ms > limit_ms)
        delay_ms = limit_ms;
    call->end = agenda_add(delay_ms, on_due, call);
    TAILQ_INSERT_TAIL(&calls, call, link);
    return call;
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static struct engine_call *create_container(struct engine *engine, const struct container_spec *spec,
                                            const struct container_place *place, engine_id_fn *done,
                                            void *owner)
{
    (void)engine;
    struct call *call = begin(CREATE, place->name, 0, owner);
    call->named = done;
    container_spec_copy(spec, &call->spec);
    call->place = (struct container_place){.name = copy(place->name),
                                           .instance = copy(place->instance),
                                           .run_dir = copy(place->run_dir),
                                           .code_dir = copy(place->code_dir)};
    return &call->call;
}

static struct engine_call *begin_plain(enum operation operation, const char *id, unsigned limit_ms,
                                       engine_done_fn *done, void *owner)
{
    struct call *call = begin(operation, id, limit_ms, owner);
    call->done = done;
    return &call->call;
}

static struct engine_call *start_container(struct engine *engine, const char *id, engine_done_fn *done,
                                           void *owner)
{
    (void)engine;
    return begin_plain(START, id, 0, done, owner);
}

static struct engine_call *stop_container(struct engine *engine, const char *id, engine_done_fn *done,
                                          void *owner)
{
    (void)engine;
    return begin_plain(STOP, id, 0, done, owner);
}

static struct engine_call *remove_container(struct engine *engine, const char *id, engine_done_fn *done,
                                            void *owner)
{
    (void)engine;
    return begin_plain(REMOVE, id, 0, done, owner);
}

static struct engine_call *rename_container(struct engine *engine, const char *id, const char *name,
                                            engine_done_fn *done, void *owner)
{
    (void)engine, (void)name;
    return begin_plain(RENAME, id, 0, done, owner);
}

static struct engine_call *set_limits(struct engine *engine, const char *id,
                                      const struct container_limits *limits, engine_done_fn *done,
                                      void *owner)
{
    (void)engine, (void)limits;
    return begin_plain(LIMIT, id, 0, done, owner);
}

static struct engine_call *inspect(struct engine *engine, const char *id, unsigned limit_ms,
                                   engine_state_fn *done, void *owner)
{
    (void)engine;
    struct call *call = begin(INSPECT, id, limit_ms, owner);
    call->told = done;
    return &call->call;
}

static struct engine_call *await_end(struct engine *engine, const char *id, unsigned limit_ms,
                                     engine_done_fn *done, void *owner)
{
    (void)engine;
    return begin_plain(AWAIT, id, limit_ms, done, owner);
}

/* What it has begun to do it may still do. */
static void abandon(struct call *call)
{
    bool is_done_anyway = call->operation <= REMOVE && chance_in_1000(&sim.chance, 500);
    call->owner = NULL;
    if (!is_done_anyway)
        call_free(call);
}

static void cancel(struct engine_call *call)
{
    abandon((struct call *)call);
}

/* --- watching --- */

static void review(void)
{
    const struct engine_hooks *hooks = &seen->engine.hooks;
    for (struct played_container *container = containers_first(), *next; container; container = next) {
        next = containers_next(container);
        hooks->found(hooks->context, container->instance, container->id, container->name,
                     container->stage == CONTAINER_RUNS);
        if (!is_known(container->instance))
            note_leftover(container);
        else if (container->stage == CONTAINER_ENDED)
            hooks->died(hooks->context, container->instance);
    }
    seen->reviewed = true;
    engine_note_up(&seen->engine);
}

static void look(void *context)
{
    (void)context;
    seen->look = NULL;
    if (is_away || is_hung)
        seen->look = agenda_add_daemons(REVIEW_AGAIN_MS, look, NULL);
    else
        review();
}

static void look_soon(void)
{
    if (seen && seen->watches && !seen->look)
        seen->look = agenda_add_daemons(chance_skewed(&sim.chance, 1, 500), look, NULL);
}

static void watch(struct engine *engine)
{
    (void)engine;
    seen->watches = true;
    look_soon();
}

static void notice(void *context)
{
    (void)context;
    struct error err;
    error_set_in(&err, COMPONENT_DOCKER, ERROR_DOCKER_UNREACHABLE, "the engine is not there");
    if (!seen || !is_away || !seen->watches)
        return;
    if (seen->reviewed && !engine_is_away(&seen->engine))
        engine_note_down(&seen->engine, &err);
    look_soon();
}

static void end_calls_soon(void)
{
    struct call *call;
    TAILQ_FOREACH(call, &calls, link)
    agenda_move(call->end, chance_between(&sim.chance, 0, 5));
}

unsigned played_engine_refused_removals(void)
{
    return refused_removals;
}

void played_engine_forget_refusals(void)
{
    refused_removals = 0;
}

void played_engine_go_away(bool ends_containers)
{
    if (is_away)
        return;
    trace_fault(FAULT_AWAY, "the engine goes away%s", ends_containers ? ", with all containers" : "");
    is_away = true;
    for (struct played_container *container = containers_first(); container && ends_containers;
         container = containers_next(container))
        containers_end(container, 137, false, true);
    end_calls_soon();
    agenda_add(chance_between(&sim.chance, 0, 10), notice, NULL);
}

/* Somebody has tidied up meanwhile. */
static void lose_ended(void)
{
    for (struct played_container *container = containers_first(), *next; container; container = next) {
        next = containers_next(container);
        if (container->stage == CONTAINER_ENDED && chance_in_1000(&sim.chance, 300))
            containers_drop(container);
    }
}

void played_engine_come_back(void)
{
    if (!is_away)
        return;
    trace_note("the engine comes back");
    lose_ended();
    notice(NULL); /* its connections have broken, however short it was away */
    is_away = false;
    look_soon();
}

void played_engine_hang(void)
{
    if (is_hung)
        return;
    trace_fault(FAULT_HUNG, "the engine answers nothing");
    is_hung = true;
}

void played_engine_go_on(void)
{
    if (!is_hung)
        return;
    trace_note("the engine answers again");
    is_hung = false;
    end_calls_soon();
}

static void destroy(struct engine *engine)
{
    agenda_strike(seen->look);
    for (struct call *call = TAILQ_FIRST(&calls), *next; call; call = next) {
        next = TAILQ_NEXT(call, link);
        if (call->owner)
            trace_violation("the engine was destroyed with a call under way: %s", verbs[call->operation]);
    }
    engine_clear(engine);
    free(seen);
    seen = NULL;
}

static const struct engine_kind kind = {
    .watch = watch,
    .destroy = destroy,
    .create = create_container,
    .start = start_container,
    .stop = stop_container,
    .remove = remove_container,
    .rename = rename_container,
    .set_limits = set_limits,
    .inspect = inspect,
    .await_end = await_end,
    .cancel = cancel,
};

struct engine *docker_engine_create(struct event_base *base, const struct docker_engine_options *options,
                                    const struct engine_hooks *hooks)
{
    (void)options;
    seen = xcalloc(1, sizeof(*seen));
    engine_init(&seen->engine, &kind, base, 2, hooks);
    return &seen->engine;
}

void played_engine_begin(void)
{
    containers_begin(on_ended);
}

void played_engine_forget_daemon(void)
{
    seen = NULL;
    for (struct call *call = TAILQ_FIRST(&calls), *next; call; call = next) {
        next = TAILQ_NEXT(call, link);
        if (call->owner)
            abandon(call);
    }
}

bool played_engine_is_quiet(void)
{
    return TAILQ_EMPTY(&calls);
}
