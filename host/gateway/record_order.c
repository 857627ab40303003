#include "gateway/record_order.h"

const struct request_record *record_order_first(struct record_ring *const *rings, unsigned count,
                                                uint64_t until_ns, struct record_ring **ret_ring)
{
    const struct request_record *first = NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct request_record *record = record_ring_first(rings[i]);
        if (!record || record->times.end_ns > until_ns ||
            (first && record->times.end_ns >= first->times.end_ns))
            continue;
        first = record;
        *ret_ring = rings[i];
    }
    return first;
}
