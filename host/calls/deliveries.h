/*
 * Which calls are delivered when: for each function the calls that are due, in the order of their acceptance,
 * as many at once as its settings say; and what follows from how each attempt ended.
 */
#ifndef CALLS_DELIVERIES_H
#define CALLS_DELIVERIES_H

#include "calls/calls_env.h"

#include <stdbool.h>

struct deliveries;

/* Borrows `env`, whose turn ends after each pass of the event loop. */
struct deliveries *deliveries_create(struct calls_env *env);

/* After deliveries_break_off() and the turn's end. NULL is fine. */
void deliveries_destroy(struct deliveries *deliveries);

/* The plan is another: every function is looked at. */
void deliveries_plan_changed(struct deliveries *deliveries);

/* Something of this function may be due. */
void deliveries_look(struct deliveries *deliveries, const char *function);
void deliveries_look_all(struct deliveries *deliveries);

/* Begins what there is room for, within this turn. */
void deliveries_fill(struct deliveries *deliveries);

/* There may be more to begin, in the next turn: some was left, or what the turn's end was waited for made
 * room. */
bool deliveries_are_left(const struct deliveries *deliveries);

/* Has a call not be done that waits, or breaks its delivery off, within this turn; `record` is then as it
 * will be. 1; 0: it has ended; -1: the store refuses. */
int deliveries_cancel(struct deliveries *deliveries, struct call_record *record, struct error *err);

/* Begins none for as long as it is paused; what is under way goes on. */
void deliveries_pause(struct deliveries *deliveries, bool is_paused);

/* Whether it is paused, and how each ended that was under way has been written down. */
bool deliveries_are_at_rest(const struct deliveries *deliveries);

/* Begins none any more. */
void deliveries_stop(struct deliveries *deliveries);

/* Breaks off what is under way: it waits again. Within a turn, the last. */
void deliveries_break_off(struct deliveries *deliveries);

#endif
