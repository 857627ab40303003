/*
 * Calls that are done later: accepted over the desk, kept in the store, delivered through the gateway. One
 * thread does all of it, with an event loop and a store of its own; what other threads want of it is mail.
 */
#ifndef CALLS_CALLS_H
#define CALLS_CALLS_H

#include "base/error.h"
#include "base/mailbox.h"
#include "calls/turn.h"

#include <stdbool.h>
#include <stdint.h>

struct calls;
struct call_counts; /* call_counts.h */
struct call_record;
struct call_store;
struct event_base;
struct network_list;
struct call_plan; /* what the functions' settings say of their calls: call_plan.h */

struct calls_options {
    const char *state_dir; /* the store is in calls/ below it */
    const char *desk_path; /* of the unix socket where calls are accepted, made by this */
    const char *door_path; /* of the one that deliveries go to */
    uint64_t max_waiting, disk_bytes; /* bounds of what is kept */
    const struct network_list *callback_networks; /* callbacks may go there, though refused otherwise */
    struct event_base *base; /* of the control thread, for the answers to calls_ask() */
};

/* Opens the store and begins to listen at the desk. */
int calls_create(const struct calls_options *options, struct calls **ret_calls, struct error *err);

/* Starts the thread. */
int calls_start(struct calls *calls, struct error *err);

/* From now on these functions are there, with these settings; takes the plan over. Deliveries begin with the
 * first plan. Control thread. */
void calls_set_plan(struct calls *calls, struct call_plan *plan);

/* A question of another part, such as the management API. Embedded in whatever is asked. */
struct calls_question {
    struct mail mail;
    struct calls *calls;
    /* On the calls thread, within a turn and its transaction. Returns -1 with `err` when the store refuses.
     * Sets *ret_durable when something was changed that must not be lost. */
    int (*work)(struct calls_question *question, struct call_store *store, bool *ret_durable,
                struct error *err);
    /* On the control thread, after the commit; `failure` NULL when all went well. Owns the question. */
    void (*done)(struct calls_question *question, const struct error *failure);
    struct turn_step step; /* this and the next: of the calls thread */
    struct kept_error *failure;
};

/* Control thread. */
void calls_ask(struct calls *calls, struct calls_question *question);

/* Has a call not be done, from within a question's work(), where `record` was found; it is then as it will
 * be. 1; 0: it has ended; -1: the store refuses. */
int calls_cancel(struct calls *calls, struct call_record *record, struct error *err);

/* What is counted; borrowed until the end. Any thread. */
const struct call_counts *calls_counts(const struct calls *calls);

/* Begins no delivery until calls_resume(). Control thread. */
void calls_pause(struct calls *calls);
void calls_resume(struct calls *calls);

/* Whether it is paused, and all has ended that was being delivered. NULL is fine. Control thread. */
bool calls_are_at_rest(const struct calls *calls);

/* Begins nothing more: what is accepted from now on waits for the next start, and so does what is still under
 * way at the end. Control thread. */
void calls_stop(struct calls *calls);

/* Ends the thread and answers what was asked. Nothing may be asked any more, but what is counted is there
 * until calls_destroy(). NULL is fine. Control thread. */
void calls_end(struct calls *calls);

/* Ends the thread, if it has not ended, and closes the store. NULL is fine. Control thread. */
void calls_destroy(struct calls *calls);

#endif
