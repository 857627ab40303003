#include "gateway/counters.h"

#include <stddef.h>

const struct counter_row counter_rows[COUNTER_COUNT] = {
#define COUNTER(counter, metric, class, type, help) [COUNTER_##counter] = {metric, class, type, help},
    COUNTERS(COUNTER)
#undef COUNTER
};

void counters_sum(const struct counters *counters, uint64_t sums[COUNTER_COUNT])
{
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        sums[i] += atomic_load_explicit(&counters->values[i], memory_order_relaxed);
}
