/*
 * The calls of each function that wait: when somebody is to look whether one is due, and how many of the
 * function are running. The calls themselves are in the store.
 */
#ifndef CALLS_LANES_H
#define CALLS_LANES_H

#include "base/error.h"
#include "base/table.h"
#include "calls/calls_env.h"

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* The calls of one function. */
struct lane {
    UT_hash_handle hh;
    TAILQ_ENTRY(lane) looking; /* in the list while it is to be looked at */
    LIST_ENTRY(lane) link;
    struct lanes *all;
    bool is_looking;
    unsigned running;
    unsigned holds; /* how many times in a row its calls were put back */
    uint64_t held_until_ms; /* none of its calls is begun before: by clock_ms(), which nobody sets */
    struct event timer; /* the next time to look */
    char name[];
};

LIST_HEAD(lane_list, lane);
TAILQ_HEAD(lane_queue, lane);

struct lanes {
    struct calls_env *env;
    struct lane *by_name;
    struct lane_list list;
    struct lane_queue looking; /* those that are to be looked at, by the one who takes them out */
    bool is_failing; /* the store refuses, which has been said */
};

/* Borrows `env`. */
void lanes_init(struct lanes *lanes, struct calls_env *env);

/* None of its calls is running any more. */
void lanes_clear(struct lanes *lanes);

/* That of a function, made when there is none. */
struct lane *lanes_find(struct lanes *lanes, const char *function);

/* One of its calls may be due: from now on, or at a time of the wall clock. */
void lane_look(struct lane *lane);
void lane_look_at(struct lane *lane, uint64_t due_ms, uint64_t now_ms);

/* Takes the next one off that is to be looked at; NULL: none is. */
struct lane *lanes_take(struct lanes *lanes);

/* A call of the function was put back: all of them stay back, for a while that grows with each time in a row.
 */
void lane_hold(struct lane *lane, uint64_t clock_now_ms);

/* How long they stay back yet. */
uint64_t lane_held_ms(const struct lane *lane, uint64_t clock_now_ms);

/* The store has refused something, or has taken it: logged when that changes. */
void lanes_note_refusal(struct lanes *lanes, const struct error *err);
void lanes_note_success(struct lanes *lanes);

#endif
