/*
 * Fixed-size I/O buffers of a worker, from a list of those kept for reuse: taken while bytes are pending,
 * given back when they are gone, so that an idle connection holds none.
 */
#ifndef GATEWAY_BUFFER_H
#define GATEWAY_BUFFER_H

#include "gateway/freelist.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes [start, end) wait to be used; recv appends at `end`. Whoever holds it gives the middle its meaning.
 */
struct buffer {
    uint32_t capacity;
    uint32_t start, end;
    char data[];
};

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline size_t buffer_room(const struct buffer *buffer)
{
    return buffer->capacity - buffer->end;
}

struct buffer_pool {
    struct freelist list;
    uint32_t capacity; /* of each buffer */
};

void buffer_pool_init(struct buffer_pool *pool, uint32_t capacity, unsigned keep);
void buffer_pool_clear(struct buffer_pool *pool);

/* An empty buffer, or NULL when memory is out (a client controls how many there are). */
struct buffer *buffer_take(struct buffer_pool *pool);

/* An empty buffer of a size of its own, or NULL when memory is out. */
struct buffer *buffer_make(uint32_t capacity);

/* Gives *held back, if there is one, and sets it to NULL. The pool must be the one it came from. */
void buffer_give(struct buffer_pool *pool, struct buffer **held);

#endif
