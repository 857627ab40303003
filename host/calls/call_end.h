/* The end of a call: what is to follow from it is part of the same transaction. */
#ifndef CALLS_CALL_END_H
#define CALLS_CALL_END_H

#include "calls/calls_env.h"
#include "config/registry.h"

/* How long calls of functions with these settings are kept after they have ended well, in milliseconds. */
uint64_t call_end_keep_ms(const struct call_settings *settings);

/* Whether somebody is to have the result of the call. */
bool call_end_needs_result(const struct call_settings *settings, const struct call_record *record);

/* A call that was running is done, or given up (`state`). Within a turn, which is made to last. An end that
 * has been written down before, although the disk did not confirm it, stays as it is. */
int call_end(struct calls_env *env, struct call_store *store, const struct call_record *record,
             enum call_state state, const struct call_outcome *outcome, struct error *err);

/* A call that waits is given up, which is logged and counted. The same. */
int call_end_waiting(struct calls_env *env, struct call_store *store, const struct call_record *record,
                     const struct call_outcome *outcome, struct error *err);

#endif
