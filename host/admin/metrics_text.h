/* Metrics in the Prometheus text format, version 0.0.4. Control thread. */
#ifndef ADMIN_METRICS_TEXT_H
#define ADMIN_METRICS_TEXT_H

#include "admin/metric.h"
#include "base/strbuf.h"

struct metrics_text {
    struct metric_sink sink;
    struct strbuf *out;
    const struct metric *metric;
};

/* Makes a sink that appends to `out`, which the caller goes on to own. */
void metrics_text_init(struct metrics_text *text, struct strbuf *out);

#endif
