/*
 * What the gateway counts, in one table: a worker has a number for each row, and their sums are the rows of
 * the metrics page. Read by others at any time. Only the worker writes, so no read-modify-write.
 */
#ifndef GATEWAY_COUNTERS_H
#define GATEWAY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * X(counter, metric, class, type, help)
 *
 * Rows of one metric stand together, told apart by the label `class`; the first has the help for all.
 */
/* clang-format off */
#define COUNTERS(X)                                                                                         \
    X(CONNECTIONS_ACCEPTED, "berth_connections_accepted_total", NULL, "counter",                            \
      "Client connections accepted.")                                                                       \
    X(CONNECTIONS_EVICTED, "berth_connections_evicted_total", NULL, "counter",                              \
      "Idle client connections closed to make room for others.")                                            \
    X(CONNECTIONS_REFUSED, "berth_connections_refused_total", NULL, "counter",                              \
      "Client connections above max_connections_per_address, closed at once.")                              \
    X(CONNECTIONS_OPEN, "berth_connections_open", NULL, "gauge", "Client connections open now.")            \
    X(REQUESTS, "berth_requests_total", NULL, "counter", "Requests read.")                                  \
    X(REQUESTS_ACTIVE, "berth_requests_active", NULL, "gauge", "Requests under way or waiting.")            \
    X(BYTES_IN, "berth_bytes_in_total", NULL, "counter", "Bytes received from clients.")                    \
    X(BYTES_OUT, "berth_bytes_out_total", NULL, "counter", "Bytes sent to clients.")                        \
    X(RETRIES, "berth_retries_total", NULL, "counter", "Requests repeated on another slot.")                \
    X(COLD_WAITS, "berth_cold_waits_total", NULL, "counter", "Requests that had to wait for an instance.")  \
    X(BUFFERED_BYTES, "berth_buffered_bytes", NULL, "gauge",                                                \
      "Memory that holds what slow clients have sent or not read yet.")                                     \
    X(SLOW_CUT, "berth_slow_clients_cut_total", NULL, "counter",                                            \
      "Clients that were cut because they were below min_rate.")                                            \
    X(RECORDS_DROPPED, "berth_request_records_dropped_total", NULL, "counter",                              \
      "Requests that are missing in the access log and in the counts by function: they came too fast.")     \
    X(RESPONSES_OWN, "berth_responses_total", "gateway", "counter",                                         \
      "Answers by status class; class=\"gateway\" counts those that Berth made itself.")                    \
    X(RESPONSES_1XX, "berth_responses_total", "1xx", "counter", "")                                         \
    X(RESPONSES_2XX, "berth_responses_total", "2xx", "counter", "")                                         \
    X(RESPONSES_3XX, "berth_responses_total", "3xx", "counter", "")                                         \
    X(RESPONSES_4XX, "berth_responses_total", "4xx", "counter", "")                                         \
    X(RESPONSES_5XX, "berth_responses_total", "5xx", "counter", "")

enum counter {
#define COUNTER(counter, metric, class, type, help) COUNTER_##counter,
    COUNTERS(COUNTER)
#undef COUNTER
    COUNTER_COUNT
};
/* clang-format on */

/* A row as whoever shows it needs it. */
struct counter_row {
    const char *metric, *class; /* class: NULL when the metric has this row only */
    const char *type, *help;
};

extern const struct counter_row counter_rows[COUNTER_COUNT];

/* Of one worker. */
struct counters {
    _Atomic uint64_t values[COUNTER_COUNT];
};

static inline void counter_add(struct counters *counters, enum counter counter, uint64_t amount)
{
    _Atomic uint64_t *value = &counters->values[counter];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* Adds a worker's numbers to sums, one a row. Any thread. */
void counters_sum(const struct counters *counters, uint64_t sums[COUNTER_COUNT]);

#endif
