/* All metrics of the daemon, read from what counts. Control thread. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/metric.h"
#include "admin/request_counts.h"

#include <time.h>

struct fleet;
struct gateway;

/* What they are read from: nothing that decides anything is changed by that. */
struct metrics_sources {
    struct fleet *fleet;
    const struct gateway *gateway;
    struct request_counts *requests;
    time_t started_s; /* when the daemon was, since 1970 */
};

/* Gives the sink every metric with all of its samples. */
void metrics_collect(const struct metrics_sources *sources, struct metric_sink *sink);

#endif
