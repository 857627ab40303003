/*
 * Records on their way from a worker to the control thread: a ring of bytes in which each has the size that
 * it needs. One thread writes and one reads, without locks, and neither ever waits for the other: when the
 * ring is full there is no room for the next record.
 *
 * The reader says how much may lie there before the writer wakes it up, so that it is woken seldom when there
 * is much to do, and not at all while it looks by itself.
 */
#ifndef GATEWAY_RECORD_RING_H
#define GATEWAY_RECORD_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a ring: some thousand records. */
#define RECORD_RING_BYTES 524288u

struct record_ring {
    char *bytes;
    uint64_t reserved; /* the writer's: where the record ends that is being written */
    uint64_t seen_read; /* the writer's: `read`, as it last saw it */
    _Atomic uint64_t written;
    char apart[64]; /* the sides keep to a cache line of their own */
    _Atomic uint64_t read;
    _Atomic uint64_t wake_at; /* the reader is to be woken when more than that is written; UINT64_MAX: not */
};

void record_ring_init(struct record_ring *ring);
void record_ring_clear(struct record_ring *ring);

/* --- the writer --- */

/* Room for a record of so many bytes, aligned for anything, or NULL: the ring is full, or never has so much.
 */
void *record_ring_reserve(struct record_ring *ring, size_t size);

/* The record that was reserved last is whole: the reader may have it. True: the reader wants to be woken. */
bool record_ring_commit(struct record_ring *ring);

/* --- the reader --- */

/* The oldest record that is there, until it is dropped; NULL: there is none. */
const void *record_ring_first(struct record_ring *ring);

/* Forgets the one that record_ring_first() has returned last. */
void record_ring_drop_first(struct record_ring *ring);

/* The reader wants to be woken, once, as soon as more than `bytes` lie there. False: they do already. */
bool record_ring_await(struct record_ring *ring, uint32_t bytes);

#endif
