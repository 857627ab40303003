/* Inside of the metrics: their tables. For metrics*.c only. */
#ifndef ADMIN_METRICS_INSIDE_H
#define ADMIN_METRICS_INSIDE_H

#include "admin/metrics.h"

#include "admin/request_counts.h"

#include <stddef.h>
#include <time.h>

struct function;

/* What they are read from. */
struct metrics_sources {
    struct fleet *fleet;
    const struct gateway *gateway;
    struct request_counts *requests;
    struct log_store *logs; /* NULL: none are kept */
    const struct calls *calls; /* NULL: there are none */
    const struct host_settings *host;
    time_t started_s; /* when the daemon was, since 1970 */
};

/* A metric that each function has samples of. */
struct function_metric {
    struct metric metric;
    void (*tell)(const struct metrics_sources *sources, struct function *function, struct metric_sink *sink);
};

/* One of the host. */
struct host_metric {
    struct metric metric;
    void (*tell)(const struct metrics_sources *sources, struct metric_sink *sink);
};

extern const struct function_metric request_metrics[]; /* metrics_requests.c */
extern const size_t request_metric_count;
extern const struct function_metric fleet_metrics[]; /* metrics_fleet.c */
extern const size_t fleet_metric_count;
extern const struct host_metric host_metrics[]; /* metrics_host.c */
extern const size_t host_metric_count;

#endif
