/*
 * Callbacks: the results of calls that have ended, on their way to whoever asked for it by X-Callback-Url.
 * The store has all of them (store/call_callbacks.h), so they outlive the daemon; here are those under way.
 * Each is delivered at least once or given up, which is noted. On the calls thread.
 */
#ifndef CALLS_CALLBACKS_H
#define CALLS_CALLBACKS_H

#include "calls/calls_env.h"
#include "config/registry.h"
#include "store/call_store.h"

struct callbacks;

/* `env` is borrowed. Those that are kept go on with the first plan. */
struct callbacks *callbacks_create(struct calls_env *env);
/* Breaks off what is under way, which begins again after the next start; none of it waits for the end of a
 * turn. NULL is fine. */
void callbacks_destroy(struct callbacks *all);

/* Another plan has come. */
void callbacks_plan_changed(struct callbacks *all);

/* Begins no further ones. */
void callbacks_stop(struct callbacks *all);

/* A call has ended, in this turn: its result is to be posted once the turn has. `settings` are those of its
 * function. -1, `err` filled: the store refuses. */
int callbacks_put(struct callbacks *all, struct call_store *store, const struct call_record *record,
                  const struct call_settings *settings, uint64_t now_ms, struct error *err);

#endif
