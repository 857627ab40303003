/* Metrics in the Prometheus text format. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/request_counts.h"
#include "base/strbuf.h"

struct fleet;
struct gateway;

/* What they are read from; nothing is changed by that. */
struct metrics_sources {
    struct fleet *fleet;
    const struct gateway *gateway;
    const struct request_counts *requests;
};

/* Appends all metrics of the daemon. Control thread. */
void metrics_write(const struct metrics_sources *sources, struct strbuf *out);

#endif
