#include "gateway/buffer.h"

#include <stdlib.h>

void buffer_pool_init(struct buffer_pool *pool, uint32_t capacity, unsigned keep)
{
    *pool = (struct buffer_pool){.capacity = capacity, .keep = keep};
}

void buffer_pool_clear(struct buffer_pool *pool)
{
    while (pool->first) {
        struct buffer *buffer = pool->first;
        pool->first = buffer->next;
        free(buffer);
    }
    pool->kept = 0;
}

struct buffer *buffer_take(struct buffer_pool *pool)
{
    struct buffer *buffer = pool->first;
    if (buffer) {
        pool->first = buffer->next;
        pool->kept--;
    } else {
        buffer = malloc(sizeof(*buffer) + pool->capacity);
        if (!buffer)
            return NULL;
        buffer->capacity = pool->capacity;
    }
    buffer->start = buffer->end = 0;
    return buffer;
}

void buffer_give(struct buffer_pool *pool, struct buffer **held)
{
    struct buffer *buffer = *held;
    if (!buffer)
        return;
    *held = NULL;
    if (pool->kept >= pool->keep) {
        free(buffer);
        return;
    }
    buffer->next = pool->first;
    pool->first = buffer;
    pool->kept++;
}
