/*
 * How many clients are connected from each address, over all workers. Addresses of IPv6 count by their
 * network of 64 bits, which is what one subscriber usually has. Any thread: a mutex, taken when a connection
 * comes and when it goes.
 */
#ifndef GATEWAY_ADDRESS_COUNTS_H
#define GATEWAY_ADDRESS_COUNTS_H

#include "base/network.h"

#include <pthread.h>
#include <stdbool.h>

struct address_count;

struct address_counts {
    pthread_mutex_t lock;
    struct address_count *counts; /* by address */
};

void address_counts_init(struct address_counts *counts);
void address_counts_clear(struct address_counts *counts);

/* Counts one more from there; false, and counts nothing, when that would be more than `limit`. */
bool address_counts_enter(struct address_counts *counts, const struct ip_address *address, unsigned limit);

/* One that was counted has gone. */
void address_counts_leave(struct address_counts *counts, const struct ip_address *address);

#endif
