#include "fleet/engine/engine.h"

#include "base/alloc.h"
#include "base/clock.h"

#define LINGER_MS 30 /* most functions load in less */
#define RETURN_MS 10000 /* after its return an engine is busy with what it missed */

void engine_init(struct engine *engine, const struct engine_kind *kind, struct event_base *base,
                 unsigned parallel, const struct engine_hooks *hooks)
{
    *engine = (struct engine){
        .kind = kind, .base = base, .hooks = *hooks, .queue = engine_queue_create(base, parallel, LINGER_MS)};
}

void engine_clear(struct engine *engine)
{
    engine_queue_destroy(engine->queue);
    budget_clear(&engine->budget);
    texts_free(engine->runtimes);
}

void engine_watch(struct engine *engine)
{
    engine->kind->watch(engine);
}

void engine_leave(struct engine *engine)
{
    if (engine->kind->leave)
        engine->kind->leave(engine);
}

bool engine_is_away(const struct engine *engine)
{
    return engine->trouble.code != ERROR_NONE;
}

bool engine_was_away(const struct engine *engine, uint64_t now_ms)
{
    return engine_is_away(engine) || (engine->back_ms > 0 && now_ms < engine->back_ms + RETURN_MS);
}

void engine_find_reach(const struct engine *engine, struct engine_reach *ret_reach)
{
    *ret_reach = (struct engine_reach){0};
    if (engine->kind->find_reach)
        engine->kind->find_reach(engine, ret_reach);
}

void engine_add_mirrors(struct engine *engine, const char *text)
{
    if (engine->kind->add_mirrors)
        engine->kind->add_mirrors(engine, text);
}

void engine_count_networks(const struct engine *engine, unsigned *ret_spare, unsigned *ret_joined)
{
    *ret_spare = *ret_joined = 0;
    if (engine->kind->count_networks)
        engine->kind->count_networks(engine, ret_spare, ret_joined);
}

json_t *engine_grants(const struct engine *engine, const struct container_spec *spec,
                      const struct container_place *place)
{
    return engine->kind->grants ? engine->kind->grants(engine, spec, place) : NULL;
}

void engine_hold_egress(struct engine *engine, const char *egress)
{
    if (engine->kind->hold_egress)
        engine->kind->hold_egress(engine, egress);
}

void engine_drop_egress(struct engine *engine, const char *egress)
{
    if (engine->kind->drop_egress)
        engine->kind->drop_egress(engine, egress);
}

void engine_collect(struct engine *engine)
{
    if (engine->kind->collect)
        engine->kind->collect(engine);
}

void engine_finish(struct engine *engine, engine_done_fn *done, void *owner)
{
    if (engine->kind->finish)
        engine->kind->finish(engine, done, owner);
    else
        done(owner, NULL);
}

void engine_cancel(struct engine_call *call)
{
    if (call)
        call->kind->cancel(call);
}

void engine_destroy(struct engine *engine)
{
    if (engine)
        engine->kind->destroy(engine);
}

void engine_note_up(struct engine *engine)
{
    if (engine_is_away(engine))
        engine->back_ms = clock_ms();
    engine->trouble = (struct error){0};
    engine->hooks.up(engine->hooks.context);
}

void engine_note_down(struct engine *engine, const struct error *err)
{
    engine->trouble = *err;
    engine->hooks.down(engine->hooks.context);
}
