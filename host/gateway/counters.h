/* What a worker counts; read by others at any time. Only the worker writes, so no read-modify-write. */
#ifndef GATEWAY_COUNTERS_H
#define GATEWAY_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

struct worker_counters {
    _Atomic uint64_t connections_accepted, connections_evicted, connections_refused;
    _Atomic uint64_t requests, requests_active;
    _Atomic uint64_t responses[6];
    _Atomic uint64_t bytes_in, bytes_out;
    _Atomic uint64_t retries, cold_waits;
    _Atomic uint64_t buffered_bytes, slow_cut;
};

static inline void counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

#endif
