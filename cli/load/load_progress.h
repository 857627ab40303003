/* How `berth load` gets on, for whatever shows it. */
#ifndef CLI_LOAD_LOAD_PROGRESS_H
#define CLI_LOAD_LOAD_PROGRESS_H

#include "cli/load/load_plan.h"
#include "cli/load/load_tally.h"
#include "cli/load/load_watch.h"

#define LOAD_TICK_MS      250
#define LOAD_SECOND_TICKS (1000 / LOAD_TICK_MS)

struct load_progress {
    const struct load_plan *plan;
    const struct load_tally *tally;
    const struct function_state *function;
    uint64_t elapsed_ms;
    unsigned in_flight;
    uint64_t overdue; /* should have begun, and wait for a free connection */
    bool is_ending; /* none begins any more */
};

#endif
