/* All metrics of the daemon, read from what counts. Control thread. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"
#include "admin/metric.h"

/* Gives the sink every metric with all of its samples. Nothing that decides anything is changed by that. */
void metrics_collect(const struct admin_options *parts, struct metric_sink *sink);

#endif
