/*
 * Metrics as lines of StatsD, in datagrams: counters by what has been added since they were told last, gauges
 * when they have changed and now and then all of them, since datagrams get lost. Control thread.
 *
 * A line's name is PREFIX.METRIC.FUNCTION.VALUE..., with the values of the labels in their order; "berth_"
 * before a metric's name is left out, and what is none of letters, digits, "-" and "_" is "_".
 */
#ifndef ADMIN_STATSD_LINES_H
#define ADMIN_STATSD_LINES_H

#include "admin/metric.h"
#include "admin/request_sample.h"

#include <stddef.h>

#define STATSD_DATAGRAM_MAX 1432 /* bytes: a datagram of Ethernet, whatever it goes through */
#define STATSD_REPEAT       60 /* passes after which a gauge is told though it has not changed */

struct statsd_lines;

/* Takes a whole datagram; must not block. */
typedef void statsd_send_fn(void *context, const char *datagram, size_t size);

/* `prefix` is borrowed, and outlives it; "" is none. */
struct statsd_lines *statsd_lines_create(const char *prefix, statsd_send_fn *send, void *context);

/* NULL is fine. */
void statsd_lines_destroy(struct statsd_lines *lines);

/* The sink for one pass over all metrics. */
struct metric_sink *statsd_lines_sink(struct statsd_lines *lines);

/* Timings of single requests: PREFIX.request_duration.FUNCTION. */
void statsd_lines_sample(struct statsd_lines *lines, const struct request_sample *sample);

/* The pass is over: sends what has not been, and forgets what it did not have; of a gauge that is 0. */
void statsd_lines_end(struct statsd_lines *lines);

#endif
