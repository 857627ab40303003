/* The records of several workers in one order. */
#ifndef GATEWAY_RECORD_ORDER_H
#define GATEWAY_RECORD_ORDER_H

#include "gateway/record_ring.h"
#include "gateway/request_record.h"

/* Of these rings' records, which are request records in the order of their ends in each, the one that ended
 * first of all and not after `until_ns`; *ret_ring is the one whose first it is. NULL: there is none. */
const struct request_record *record_order_first(struct record_ring *const *rings, unsigned count,
                                                uint64_t until_ns, struct record_ring **ret_ring);

#endif
