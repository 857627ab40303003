#include "base/histogram.h"

#include "base/alloc.h"

const unsigned histogram_bounds_ms[HISTOGRAM_BOUNDS] = {1,   3,    5,    10,   25,    50,    100,  250,
                                                        500, 1000, 2500, 5000, 10000, 30000, 60000};

void histogram_add(struct histogram **histogram, uint64_t duration_ns)
{
    if (!*histogram)
        *histogram = xcalloc(1, sizeof(**histogram));
    struct histogram *its = *histogram;
    its->count++;
    its->sum_ns += duration_ns;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        if (duration_ns <= histogram_bounds_ms[i] * UINT64_C(1000000)) {
            its->up_to[i]++;
            return;
        }
    }
}

uint64_t histogram_within(const struct histogram *histogram, size_t bound)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= bound; i++)
        count += histogram->up_to[i];
    return count;
}
