/*
 * Shows how a load gets on, on standard error, so that standard output has the summary only: on a terminal a
 * block of lines with two charts that is drawn anew at each tick, elsewhere a line a second.
 */
#ifndef CLI_LOAD_LOAD_VIEW_H
#define CLI_LOAD_LOAD_VIEW_H

#include "cli/chart.h"
#include "cli/load/load_progress.h"

struct load_view {
    bool is_quiet, is_live, is_utf8;
    unsigned lines; /* of the block that is on the screen */
    struct series rates, instances; /* a number a tick */
    uint64_t last_ended, last_elapsed_ms; /* at the tick before */
    uint64_t second_ended, second_elapsed_ms; /* at the second before */
    double rate, p50_ms, p99_ms; /* of the last whole second */
};

void load_view_init(struct load_view *view, bool is_quiet);

/* For each tick. At whole seconds the tally's second is complete. */
void load_view_tick(struct load_view *view, const struct load_progress *progress, bool is_second);

/* Leaves the charts on the screen and nothing else. */
void load_view_end(struct load_view *view, const struct load_plan *plan);
void load_view_clear(struct load_view *view);

#endif
