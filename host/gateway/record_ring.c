#include "gateway/record_ring.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Before each record stands its size with this. Of size 0: the ring goes on at its beginning. */
#define HEADER_BYTES sizeof(uint64_t)

/* `written` and `read` count bytes from the ring's first use on. */
static uint32_t place_of(uint64_t position)
{
    return (uint32_t)(position % RECORD_RING_BYTES);
}

static void write_header(struct record_ring *ring, uint64_t position, uint64_t size)
{
    memcpy(ring->bytes + place_of(position), &size, sizeof(size));
}

static uint64_t read_header(const struct record_ring *ring, uint64_t position)
{
    uint64_t size;
    memcpy(&size, ring->bytes + place_of(position), sizeof(size));
    return size;
}

void record_ring_init(struct record_ring *ring)
{
    *ring = (struct record_ring){.bytes = xmalloc(RECORD_RING_BYTES), .wake_at = 0};
}

void record_ring_clear(struct record_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

void *record_ring_reserve(struct record_ring *ring, size_t size)
{
    uint64_t at = atomic_load_explicit(&ring->written, memory_order_relaxed);
    uint64_t whole = HEADER_BYTES + (size + HEADER_BYTES - 1) / HEADER_BYTES * HEADER_BYTES;
    uint64_t left = RECORD_RING_BYTES - place_of(at);
    uint64_t skipped = left < whole ? left : 0;
    uint64_t end = at + skipped + whole;
    if (end - ring->seen_read > RECORD_RING_BYTES)
        ring->seen_read = atomic_load_explicit(&ring->read, memory_order_acquire);
    if (end - ring->seen_read > RECORD_RING_BYTES)
        return NULL;
    if (skipped > 0)
        write_header(ring, at, 0);
    write_header(ring, at + skipped, whole);
    ring->reserved = end;
    return ring->bytes + place_of(at + skipped) + HEADER_BYTES;
}

/* Each side stores before it looks at what the other has stored, all in one order for both: so either the
 * writer sees that it has to wake, or the reader sees that there is something. */
bool record_ring_commit(struct record_ring *ring)
{
    atomic_store(&ring->written, ring->reserved);
    return ring->reserved > atomic_load(&ring->wake_at) &&
           atomic_exchange(&ring->wake_at, UINT64_MAX) != UINT64_MAX;
}

const void *record_ring_first(struct record_ring *ring)
{
    uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    uint64_t end = atomic_load_explicit(&ring->written, memory_order_acquire);
    if (at < end && read_header(ring, at) == 0) {
        at += RECORD_RING_BYTES - place_of(at);
        atomic_store_explicit(&ring->read, at, memory_order_release);
    }
    return at < end ? ring->bytes + place_of(at) + HEADER_BYTES : NULL;
}

void record_ring_drop_first(struct record_ring *ring)
{
    uint64_t at = atomic_load_explicit(&ring->read, memory_order_relaxed);
    atomic_store_explicit(&ring->read, at + read_header(ring, at), memory_order_release);
}

bool record_ring_await(struct record_ring *ring, uint32_t bytes)
{
    uint64_t wake_at = atomic_load_explicit(&ring->read, memory_order_relaxed) + bytes;
    atomic_store(&ring->wake_at, wake_at);
    return atomic_load(&ring->written) <= wake_at;
}
