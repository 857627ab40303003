/*
 * Metrics sent to `host: statsd` by UDP, every second. Nobody is waited for: what nobody takes is lost.
 * Control thread.
 */
#ifndef ADMIN_STATSD_H
#define ADMIN_STATSD_H

#include "admin/admin.h"

struct statsd;

/* Begins to send what there is, when the settings of the host say where to; *ret_statsd is NULL when they do
 * not. Looks up the address' name once. The options are those of the management API, and what they name
 * outlives it; the record of each request comes to it through their request book. */
int statsd_create(const struct admin_options *options, struct statsd **ret_statsd, struct error *err);

/* Sends what has been counted since it last did, though its time has not come. NULL is fine. */
void statsd_send(struct statsd *statsd);

/* Sends the rest. NULL is fine. */
void statsd_destroy(struct statsd *statsd);

#endif
