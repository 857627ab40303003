/*
 * A call that is running: its attempt is written down, made, and how it ended is written down. Each of these
 * is a turn of its own, or shares one.
 */
#ifndef CALLS_CALL_RUN_H
#define CALLS_CALL_RUN_H

#include "base/error.h"
#include "calls/lanes.h"
#include "store/call_store.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define CALL_AGAIN_MS 1000 /* until the store is asked again that has refused */

struct call_run;

LIST_HEAD(call_run_list, call_run);

/* All that are running. One of zeros has none. */
struct call_runs {
    struct call_run *by_number;
    struct call_run_list list;
    bool is_stopping; /* attempts that break are broken by that */
};

/* Begins the next attempt of a call that waits, within this turn, and takes over what `record` holds. The
 * call counts among the running ones of its lane until it has ended. -1: the store refuses. */
int call_run_begin(struct call_runs *runs, struct lane *lane, struct call_store *store,
                   struct call_record *record, uint64_t now_ms, struct error *err);

/* Whether a call is among them: one whose beginning the store did not take is, until that is settled,
 * although it waits there. */
bool call_runs_have(const struct call_runs *runs, int64_t number);

/* That the call is not to be done is written down with this turn; if it is running its attempt is broken off.
 */
void call_runs_cancel(struct call_runs *runs, int64_t number);

/* Breaks off what is under way, which is put back within this turn. */
void call_runs_break_off(struct call_runs *runs);

/* Forgets all; the turn has ended. */
void call_runs_clear(struct call_runs *runs);

#endif
