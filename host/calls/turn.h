/*
 * The rule of a turn: all that happens in one pass of the calls thread's event loop is one transaction of the
 * store, and nothing of it is told to anybody before that has been committed. So what came in together costs
 * one wait for the disk.
 */
#ifndef CALLS_TURN_H
#define CALLS_TURN_H

#include "base/error.h"
#include "base/queue.h"

#include <stdbool.h>

struct call_store;
struct turn;

/* What is to follow the end of a turn. Embedded in whatever waits for it. */
struct turn_step {
    TAILQ_ENTRY(turn_step) link;
    /* All that the turn did is kept (`failure` NULL), or nothing of it is. May begin the next turn. Once. */
    void (*done)(struct turn_step *step, const struct error *failure);
};

/* The store, which is borrowed, is in no transaction. */
struct turn *turn_create(struct call_store *store);

/* No step may wait any more. NULL is fine. */
void turn_destroy(struct turn *turn);

/* Gives the store within the turn's transaction, which begins now if it has not yet. -1, `err` filled: the
 * store refuses, or has refused before in this turn, of which nothing will be kept. */
int turn_enter(struct turn *turn, struct call_store **ret_store, struct error *err);

/* The store has refused in the middle of something: nothing of this turn is kept. Returns -1. */
int turn_fail(struct turn *turn, const struct error *err);

/* What the turn does must not be lost when the machine goes down. */
void turn_must_last(struct turn *turn);

/* Whether that has been said of it. */
bool turn_lasts(const struct turn *turn);

/* Has `step` done when the turn has ended. It waits for no other turn. */
void turn_then(struct turn *turn, struct turn_step *step);

/* How many steps wait. */
unsigned turn_steps(const struct turn *turn);

/* Whether anything has been done or waits in it. */
bool turn_is_open(const struct turn *turn);

enum turn_commit {
    TURN_NOT_COMMITTED, /* there was nothing, or it failed */
    TURN_COMMITTED,
    TURN_SYNCED /* and is on disk */
};

/* Ends the turn: commits or rolls back, then has all steps done in their order. */
enum turn_commit turn_end(struct turn *turn);

#endif
