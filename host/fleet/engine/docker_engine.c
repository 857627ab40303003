#include "fleet/engine/docker_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/process.h"
#include "fleet/engine/container_grants.h"
#include "fleet/engine/docker_spares.h"
#include "fleet/engine/docker_watch.h"
#include "fleet/engine/limits.h"
#include "fleet/engine/reach.h"

#include <stdlib.h>

/* A call under way: what Docker answers, in the words of engine.h. */
struct docker_engine_call {
    struct engine_call call;
    struct docker_call *docker;
    struct docker_limited *limited; /* in its place, or NULL */
    struct docker_spares *spares; /* that it may have to do with, or NULL */
    char spare[SPARE_ID_DIGITS + 1]; /* id of the spare network that is to be joined, or "" */
    engine_done_fn *done; /* or: */
    engine_id_fn *named;
    engine_state_fn *seen;
    void *owner;
};

static const struct engine_kind docker_kind;

static struct docker *docker_of(const struct engine *engine)
{
    return ((const struct docker_engine *)engine)->options.docker;
}

static struct docker_engine_call *begin(void *owner)
{
    struct docker_engine_call *call = xcalloc(1, sizeof(*call));
    call->call.kind = &docker_kind;
    call->owner = owner;
    return call;
}

static struct docker_engine_call *begin_plain(engine_done_fn *done, void *owner)
{
    struct docker_engine_call *call = begin(owner);
    call->done = done;
    return call;
}

static void on_done(void *context, const struct error *err)
{
    struct docker_engine_call call = *(struct docker_engine_call *)context;
    free(context);
    call.done(call.owner, err);
}

static void on_named(void *context, const struct error *err, const char *id)
{
    struct docker_engine_call call = *(struct docker_engine_call *)context;
    free(context);
    if (*call.spare)
        docker_spares_joined(call.spares, call.spare, id);
    call.named(call.owner, err, id);
}

/* What has joined the network of another container has none of its own. */
static const char *address_of(const struct docker_spares *spares, const struct docker_state *state)
{
    const char *spare = docker_label(state->labels, LABEL_NETWORK);
    const char *address = spares && spare ? docker_spares_address(spares, spare) : NULL;
    return *state->address || !address ? state->address : address;
}

static void on_seen(void *context, const struct error *err, const struct docker_state *docker_state)
{
    struct docker_engine_call call = *(struct docker_engine_call *)context;
    free(context);
    if (err) {
        call.seen(call.owner, err, NULL);
        return;
    }
    const struct container_state state = {.running = docker_state->running,
                                          .is_ending = docker_state->running &&
                                                       process_is_ending(docker_state->process),
                                          .oom_killed = docker_state->oom_killed,
                                          .exit_code = docker_state->exit_code,
                                          .error = docker_state->error,
                                          .address = address_of(call.spares, docker_state),
                                          .process = docker_state->process};
    call.seen(call.owner, NULL, &state);
}

/* Inspecting tells the exit code. */
static void on_ended(void *context, const struct error *err, int exit_code)
{
    (void)exit_code;
    on_done(context, err);
}

static struct docker_spares *spares_of(const struct docker_engine *engine)
{
    return engine->watch ? docker_watch_spares(engine->watch) : NULL;
}

/* Prewarmed instances wait for others, and nobody for them. What another runtime makes of a network that is
 * there already is its own business. */
static bool may_join(const struct container_spec *spec)
{
    return spec->code_dir && spec->network == NETWORK_BRIDGE && !spec->engine_runtime;
}

static struct docker_call *create_unlimited(struct docker_engine *engine, const struct container_spec *spec,
                                            const struct container_place *place,
                                            struct docker_engine_call *call)
{
    struct container_network network = {0};
    call->spares = spares_of(engine);
    if (call->spares && may_join(spec))
        network.spare = docker_spares_take(call->spares, place->instance, &network.name);
    if (network.spare)
        snprintf(call->spare, sizeof(call->spare), "%s", network.spare);
    return docker_container_of(engine, spec, place, network.spare ? &network : NULL, on_named, call);
}

static struct engine_call *create(struct engine *engine, const struct container_spec *spec,
                                  const struct container_place *place, engine_id_fn *done, void *owner)
{
    struct docker_engine_call *call = begin(owner);
    call->named = done;
    struct docker_engine *docker = (struct docker_engine *)engine;
    if (spec->egress)
        call->limited = docker_limited_create(docker, spec, place, on_named, call);
    else
        call->docker = create_unlimited(docker, spec, place, call);
    return &call->call;
}

static struct engine_call *start(struct engine *engine, const char *id, engine_done_fn *done, void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    call->docker = docker_container_start(docker_of(engine), id, on_done, call);
    return &call->call;
}

static struct engine_call *stop(struct engine *engine, const char *id, engine_done_fn *done, void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    call->docker = docker_container_stop(docker_of(engine), id, CONTAINER_STOP_S, on_done, call);
    return &call->call;
}

static struct engine_call *remove_container(struct engine *engine, const char *id, engine_done_fn *done,
                                            void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    call->docker = docker_container_remove(docker_of(engine), id, true, on_done, call);
    return &call->call;
}

static struct engine_call *rename_container(struct engine *engine, const char *id, const char *name,
                                            engine_done_fn *done, void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    call->docker = docker_container_rename(docker_of(engine), id, name, on_done, call);
    return &call->call;
}

static struct engine_call *set_limits(struct engine *engine, const char *id,
                                      const struct container_limits *limits, engine_done_fn *done,
                                      void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    const struct docker_limits docker_limits = {
        .memory_bytes = limits->memory_bytes, .cpus = limits->cpus, .pids = limits->pids};
    call->docker = docker_container_update(docker_of(engine), id, &docker_limits, on_done, call);
    return &call->call;
}

static struct engine_call *inspect(struct engine *engine, const char *id, unsigned limit_ms,
                                   engine_state_fn *done, void *owner)
{
    struct docker_engine_call *call = begin(owner);
    call->seen = done;
    call->spares = spares_of((const struct docker_engine *)engine);
    call->docker = docker_container_inspect(docker_of(engine), id, on_seen, call);
    if (limit_ms)
        docker_call_set_timeout(call->docker, limit_ms);
    return &call->call;
}

static struct engine_call *await_end(struct engine *engine, const char *id, unsigned limit_ms,
                                     engine_done_fn *done, void *owner)
{
    struct docker_engine_call *call = begin_plain(done, owner);
    call->docker = docker_container_wait(docker_of(engine), id, on_ended, call);
    if (limit_ms)
        docker_call_set_timeout(call->docker, limit_ms);
    return &call->call;
}

static void cancel(struct engine_call *call)
{
    struct docker_engine_call *docker = (struct docker_engine_call *)call;
    docker_cancel(docker->docker);
    if (docker->limited)
        docker_limited_cancel(docker->limited);
    free(call);
}

static void watch(struct engine *engine)
{
    struct docker_engine *docker = (struct docker_engine *)engine;
    docker->watch = docker_watch_start(docker);
}

static void leave(struct engine *engine)
{
    const struct docker_engine *docker = (const struct docker_engine *)engine;
    if (docker->watch)
        docker_watch_leave(docker->watch);
}

/* NULL: nobody makes rules. */
static struct reach *reach_of(const struct engine *engine)
{
    const struct docker_engine *docker = (const struct docker_engine *)engine;
    return docker->watch ? docker_watch_reach(docker->watch) : NULL;
}

static void hold_egress(struct engine *engine, const char *egress)
{
    struct reach *reach = reach_of(engine);
    if (reach)
        limits_hold(reach_limits(reach), egress);
}

static void drop_egress(struct engine *engine, const char *egress)
{
    struct reach *reach = reach_of(engine);
    if (reach)
        limits_drop(reach_limits(reach), egress);
}

static void collect(struct engine *engine)
{
    struct reach *reach = reach_of(engine);
    if (reach)
        limits_collect(reach_limits(reach));
}

struct ending {
    struct reach *reach; /* NULL: nobody makes rules */
    engine_done_fn *done;
    void *owner;
};

static void on_finished(void *context)
{
    struct ending ending = *(struct ending *)context;
    free(context);
    ending.done(ending.owner, NULL);
}

/* No container is on a network any more. */
static void on_spares_finished(void *context)
{
    struct ending *ending = context;
    if (ending->reach)
        reach_finish(ending->reach, on_finished, ending);
    else
        on_finished(ending);
}

static void finish(struct engine *engine, engine_done_fn *done, void *owner)
{
    struct docker_spares *spares = spares_of((const struct docker_engine *)engine);
    struct ending *ending = xcalloc(1, sizeof(*ending));
    *ending = (struct ending){reach_of(engine), done, owner};
    if (spares)
        docker_spares_finish(spares, on_spares_finished, ending);
    else
        on_spares_finished(ending);
}

static void find_reach(const struct engine *engine, struct engine_reach *ret_reach)
{
    const struct reach *reach = reach_of(engine);
    *ret_reach = (struct engine_reach){0};
    if (reach)
        *ret_reach = (struct engine_reach){
            .is_limited = true, .trouble = reach_trouble(reach), .maker = reach_maker(reach)};
}

static void add_mirrors(struct engine *engine, const char *text)
{
    const struct docker_engine *docker = (const struct docker_engine *)engine;
    if (docker->watch)
        docker_watch_add_mirrors(docker->watch, text);
}

static void count_networks(const struct engine *engine, unsigned *ret_spare, unsigned *ret_joined)
{
    const struct docker_spares *spares = spares_of((const struct docker_engine *)engine);
    if (spares)
        *ret_spare = docker_spares_count(spares, ret_joined);
}

/* Whose request is read. */
struct grants_question {
    const struct docker *docker;
    json_t *grants;
};

static void read_grants(const struct docker_container *container, void *context)
{
    struct grants_question *question = context;
    json_t *request = docker_container_request(question->docker, container);
    question->grants = container_grants(request);
    json_decref(request);
}

static json_t *grants(const struct engine *engine, const struct container_spec *spec,
                      const struct container_place *place)
{
    struct grants_question question = {.docker = docker_of(engine)};
    char id[LIMIT_ID_SIZE];
    const struct docker_engine *docker = (const struct docker_engine *)engine;
    limit_id(docker->options.owner_id, spec->egress ? spec->egress : "", id);
    cleanup_free char *name = xasprintf(LIMIT_NETWORK_FORMAT, id);
    const struct container_network network = {.name = name};
    docker_container_make(docker, spec, place, spec->egress ? &network : NULL, read_grants, &question);
    return question.grants;
}

static void destroy(struct engine *engine)
{
    struct docker_engine *docker = (struct docker_engine *)engine;
    docker_watch_end(docker->watch);
    engine_clear(engine);
    free(docker);
}

static const struct engine_kind docker_kind = {
    .watch = watch,
    .leave = leave,
    .destroy = destroy,
    .find_reach = find_reach,
    .add_mirrors = add_mirrors,
    .count_networks = count_networks,
    .grants = grants,
    .hold_egress = hold_egress,
    .drop_egress = drop_egress,
    .collect = collect,
    .finish = finish,
    .create = create,
    .start = start,
    .stop = stop,
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
    struct docker_engine *engine = xcalloc(1, sizeof(*engine));
    engine_init(&engine->engine, &docker_kind, base, options->parallel, hooks);
    engine->options = *options;
    return &engine->engine;
}
