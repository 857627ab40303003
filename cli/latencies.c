#include "cli/latencies.h"

#define STEP_BITS 7

_Static_assert(1 << STEP_BITS == LATENCIES_STEPS, "the bits that tell the steps of a power of two apart");

/* Below two powers of two a bin a nanosecond; above, the leading bits of the duration choose it. */
static size_t bin_of(uint64_t duration_ns)
{
    const uint64_t longest = (UINT64_C(1) << LATENCIES_BITS) - 1;
    if (duration_ns > longest)
        duration_ns = longest;
    if (duration_ns < 2 * LATENCIES_STEPS)
        return duration_ns;
    const unsigned shift = 63 - (unsigned)__builtin_clzll(duration_ns) - STEP_BITS;
    return shift * LATENCIES_STEPS + (size_t)(duration_ns >> shift);
}

/* The middle of a bin. */
static uint64_t middle_of(size_t bin)
{
    if (bin < 2 * LATENCIES_STEPS)
        return bin;
    const size_t shift = bin / LATENCIES_STEPS - 1;
    const uint64_t first = (uint64_t)(bin - shift * LATENCIES_STEPS) << shift;
    return first + (UINT64_C(1) << shift) / 2;
}

void latencies_add(struct latencies *latencies, uint64_t duration_ns)
{
    if (latencies->count == 0 || duration_ns < latencies->min_ns)
        latencies->min_ns = duration_ns;
    if (duration_ns > latencies->max_ns)
        latencies->max_ns = duration_ns;
    latencies->count++;
    latencies->sum_ns += duration_ns;
    latencies->bins[bin_of(duration_ns)]++;
}

static uint64_t within(uint64_t value, uint64_t least, uint64_t most)
{
    if (value < least)
        return least;
    return value > most ? most : value;
}

uint64_t latencies_at(const struct latencies *latencies, double part)
{
    const double exact = part * (double)latencies->count;
    uint64_t rank = (uint64_t)exact, seen = 0;
    if ((double)rank < exact || rank == 0)
        rank++;
    for (size_t bin = 0; bin < LATENCIES_BINS; bin++) {
        seen += latencies->bins[bin];
        if (seen >= rank)
            return within(middle_of(bin), latencies->min_ns, latencies->max_ns);
    }
    return latencies->max_ns;
}

uint64_t latencies_mean(const struct latencies *latencies)
{
    return latencies->count > 0 ? latencies->sum_ns / latencies->count : 0;
}
