/*
 * What is counted of calls, in one table: the calls thread alone writes, the metrics page reads at any time
 * and never waits for it. So no read-modify-write.
 */
#ifndef CALLS_CALL_COUNTS_H
#define CALLS_CALL_COUNTS_H

#include "store/call_store.h"

#include <stdatomic.h>
#include <stdint.h>

/*
 * X(count, metric, label, value, type, help)
 *
 * Rows of one metric stand together, told apart by a label (NULL: the metric has this row only); the first
 * has the help for all. Those of berth_calls come first, in the order of enum call_state.
 */
/* clang-format off */
#define CALL_COUNTS(X)                                                                                      \
    X(WAITING, "berth_calls", "state", "waiting", GAUGE, "Async calls that are kept, by state.")            \
    X(RUNNING, "berth_calls", "state", "running", GAUGE, "")                                                \
    X(DONE, "berth_calls", "state", "done", GAUGE, "")                                                      \
    X(DEAD, "berth_calls", "state", "dead", GAUGE, "")                                                      \
    X(CANCELLED, "berth_calls", "state", "cancelled", GAUGE, "")                                            \
    X(BYTES, "berth_calls_bytes", NULL, NULL, GAUGE,                                                        \
      "What they take on disk, bodies and results included.")                                               \
    X(ACCEPTED, "berth_calls_accepted_total", NULL, NULL, COUNTER,                                          \
      "Async calls accepted, runs of schedules and calls of on_success and on_failure among them.")         \
    X(ENDED_DONE, "berth_calls_ended_total", "state", "done", COUNTER, "Async calls that have ended.")      \
    X(ENDED_DEAD, "berth_calls_ended_total", "state", "dead", COUNTER, "")                                  \
    X(ENDED_CANCELLED, "berth_calls_ended_total", "state", "cancelled", COUNTER, "")                        \
    X(ATTEMPTS_DONE, "berth_call_attempts_total", "outcome", "done", COUNTER,                               \
      "Deliveries that have ended; put-back ones never came to the function and count as no attempt.")      \
    X(ATTEMPTS_FAILED, "berth_call_attempts_total", "outcome", "failed", COUNTER, "")                       \
    X(ATTEMPTS_PUT_BACK, "berth_call_attempts_total", "outcome", "put-back", COUNTER, "")                   \
    X(ATTEMPTS_CANCELLED, "berth_call_attempts_total", "outcome", "cancelled", COUNTER, "")                 \
    X(COMMITS_SYNCED, "berth_call_commits_total", "synced", "yes", COUNTER,                                 \
      "Transactions of the store of calls; synced ones waited for the disk, for all that had come in meanwhile.") \
    X(COMMITS_OTHER, "berth_call_commits_total", "synced", "no", COUNTER, "")                               \
    X(CALLBACKS_DELIVERED, "berth_callbacks_total", "outcome", "delivered", COUNTER,                        \
      "Posts of results to callback URLs; failed ones are tried again, given-up ones are not.")             \
    X(CALLBACKS_FAILED, "berth_callbacks_total", "outcome", "failed", COUNTER, "")                          \
    X(CALLBACKS_GIVEN_UP, "berth_callbacks_total", "outcome", "given-up", COUNTER, "")

enum call_count {
#define CALL_COUNT(count, metric, label, value, type, help) CALL_COUNT_##count,
    CALL_COUNTS(CALL_COUNT)
#undef CALL_COUNT
    CALL_COUNT_COUNT
};
/* clang-format on */

struct call_counts {
    _Atomic uint64_t values[CALL_COUNT_COUNT];
    _Atomic uint64_t oldest_waiting_ms; /* when the one that waits longest was accepted; 0: none waits */
};

/* Calls thread. */
static inline void call_count_add(struct call_counts *counts, enum call_count count, uint64_t amount)
{
    _Atomic uint64_t *value = &counts->values[count];
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* What the store has now, once a turn. Calls thread. */
static inline void call_counts_set_sums(struct call_counts *counts, const struct call_sums *sums)
{
    for (unsigned state = 0; state < CALL_STATE_COUNT; state++)
        atomic_store_explicit(&counts->values[CALL_COUNT_WAITING + state], (uint64_t)sums->by_state[state],
                              memory_order_relaxed);
    atomic_store_explicit(&counts->values[CALL_COUNT_BYTES], sums->bytes, memory_order_relaxed);
    atomic_store_explicit(&counts->oldest_waiting_ms, sums->oldest_waiting_ms, memory_order_relaxed);
}

#endif
