#include "fleet/output/output_limit.h"

#define MILLI 1000

static void fill(struct output_limit *limit, uint64_t rate_bytes, uint64_t now_ms)
{
    const uint64_t full_ms = OUTPUT_BURST_S * MILLI;
    const int64_t full = (int64_t)(rate_bytes * full_ms);
    uint64_t passed_ms = now_ms - limit->filled_ms;
    if (!limit->used || passed_ms > full_ms)
        limit->left_millibytes = full;
    else
        limit->left_millibytes += (int64_t)(rate_bytes * passed_ms);
    if (limit->left_millibytes > full)
        limit->left_millibytes = full;
    limit->used = true;
    limit->filled_ms = now_ms;
}

bool output_limit_allows(struct output_limit *limit, uint64_t rate_bytes, uint64_t now_ms)
{
    if (rate_bytes == 0)
        return true;
    fill(limit, rate_bytes, now_ms);
    return limit->left_millibytes > 0;
}

void output_limit_spend(struct output_limit *limit, size_t bytes)
{
    limit->left_millibytes -= (int64_t)bytes * MILLI;
}

void output_limit_drop(struct output_limit *limit, size_t bytes, uint64_t now_ms)
{
    if (limit->fresh.lines == 0)
        limit->fresh.since_ms = now_ms;
    limit->fresh.lines++;
    limit->fresh.bytes += bytes;
    limit->dropped_lines++;
    limit->dropped_bytes += bytes;
}

bool output_limit_take_drops(struct output_limit *limit, struct output_drops *ret_drops)
{
    *ret_drops = limit->fresh;
    limit->fresh = (struct output_drops){0};
    return ret_drops->lines > 0;
}
