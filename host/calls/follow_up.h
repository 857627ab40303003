/*
 * What follows the end of a call by its function's settings on_success and on_failure: a call of another
 * function with the result, put in the same transaction.
 */
#ifndef CALLS_FOLLOW_UP_H
#define CALLS_FOLLOW_UP_H

#include "calls/calls_env.h"
#include "config/registry.h"
#include "store/call_store.h"

#define FOLLOW_UPS_MAX 16 /* in a row: the next one is not made, since they seem to go round in a circle */

/* Puts it, if there is to be one; where it cannot be done it is put as a dead letter that says why. A file
 * that the result is in stays. -1, `err` filled: the store refuses. */
int follow_up_put(struct calls_env *env, struct call_store *store, const struct call_record *record,
                  enum call_state state, const struct call_outcome *outcome, struct error *err);

#endif
