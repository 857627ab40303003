#include "gateway/address_counts.h"

#include "base/alloc.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>

#define SUBSCRIBER_BYTES 8 /* of an IPv6 address */

struct address_count {
    struct ip_address address;
    unsigned count;
    UT_hash_handle hh;
};

/* The address, or the network that it is counted by. */
static struct ip_address counted_as(const struct ip_address *address)
{
    struct ip_address key = *address;
    if (!ip_address_is_ipv4(address))
        memset(key.bytes + SUBSCRIBER_BYTES, 0, sizeof(key.bytes) - SUBSCRIBER_BYTES);
    return key;
}

static struct address_count *find(const struct address_counts *counts, const struct ip_address *key)
{
    struct address_count *found;
    HASH_FIND(hh, counts->counts, key, sizeof(*key), found);
    return found;
}

void address_counts_init(struct address_counts *counts)
{
    *counts = (struct address_counts){0};
    pthread_mutex_init(&counts->lock, NULL);
}

void address_counts_clear(struct address_counts *counts)
{
    struct address_count *count = counts->counts;
    HASH_CLEAR(hh, counts->counts);
    while (count) {
        struct address_count *next = count->hh.next;
        free(count);
        count = next;
    }
    pthread_mutex_destroy(&counts->lock);
}

bool address_counts_enter(struct address_counts *counts, const struct ip_address *address, unsigned limit)
{
    struct ip_address key = counted_as(address);
    pthread_mutex_lock(&counts->lock);
    struct address_count *count = find(counts, &key);
    if (!count) {
        count = xcalloc(1, sizeof(*count));
        count->address = key;
        HASH_ADD(hh, counts->counts, address, sizeof(count->address), count);
    }
    bool fits = count->count < limit;
    count->count += fits;
    pthread_mutex_unlock(&counts->lock);
    return fits;
}

void address_counts_leave(struct address_counts *counts, const struct ip_address *address)
{
    struct ip_address key = counted_as(address);
    pthread_mutex_lock(&counts->lock);
    struct address_count *count = find(counts, &key);
    if (count && --count->count == 0) {
        HASH_DEL(counts->counts, count);
        free(count);
    }
    pthread_mutex_unlock(&counts->lock);
}
