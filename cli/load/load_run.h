/*
 * Puts the load of a plan on a function, from one event loop.
 *
 * In a closed loop each connection sends its next request when the last one is answered. In an open loop
 * requests begin by the clock: one that is due takes a free connection, and waits while there is none. Its
 * latency counts from when it was due, so that waiting shows, wherever it happens.
 */
#ifndef CLI_LOAD_LOAD_RUN_H
#define CLI_LOAD_LOAD_RUN_H

#include "base/error.h"
#include "cli/load/load_progress.h"

struct load_run_result {
    struct load_tally tally;
    uint64_t elapsed_ns; /* until the last request's end */
    uint64_t unstarted; /* were due in an open loop, and found no free connection until the end */
    uint64_t abandoned; /* were under way when the user would not wait any more */
    bool was_interrupted;
    unsigned most_instances; /* that were seen */
};

/* Runs it to its end, or until the user interrupts it: once, and requests under way are waited for; twice,
 * and they are not. Shows how it gets on unless `is_quiet`. The caller frees *ret_result. */
int load_run(const struct load_plan *plan, const struct arguments *arguments, bool is_quiet,
             struct load_run_result **ret_result, struct error *err);

#endif
