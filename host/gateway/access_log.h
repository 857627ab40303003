/*
 * What the log says of a request after its end: one line, with the setting access_log, or else a line for
 * whatever went wrong, so that the id that a user was shown is always found, and one at level debug. Where it
 * was slow and slow_request is set, another one says where the time went. Control thread.
 *
 * Above access_log_rate of the setting's lines a second only a sample of the requests is in the log; of those
 * that failed or were slow all, up to ten times that rate. How many are missing is told, too.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "config/registry.h"
#include "gateway/request_record.h"

/* What was written of late; zeroed at first. */
struct access_log {
    uint64_t second_began_ns;
    unsigned seen, written; /* since then, of those that neither failed nor were slow */
    unsigned failed_written; /* of the others */
    unsigned every; /* one in so many is written */
    uint64_t left_out, failed_left_out; /* since access_log_report() */
};

/* `now_ns` is of the monotonic clock. */
void access_log_write(struct access_log *log, const struct request_record *record,
                      const struct host_settings *settings, uint64_t now_ns);

/* Whether requests were left out that access_log_report() has yet to tell of. */
bool access_log_has_gap(const struct access_log *log);

/* Writes how many requests were left out since the last time; nothing when none was. */
void access_log_report(struct access_log *log);

#endif
