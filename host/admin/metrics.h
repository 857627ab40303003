/* Metrics in the Prometheus text format. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "base/strbuf.h"

struct fleet;
struct gateway;

/* Appends all metrics of the daemon. Control thread. */
void metrics_write(struct fleet *fleet, const struct gateway *gateway, struct strbuf *out);

#endif
