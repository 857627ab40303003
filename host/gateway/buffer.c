#include "gateway/buffer.h"

#include <stdlib.h>

void buffer_pool_init(struct buffer_pool *pool, uint32_t capacity, unsigned keep)
{
    freelist_init(&pool->list, sizeof(struct buffer) + capacity, keep);
    pool->capacity = capacity;
}

void buffer_pool_clear(struct buffer_pool *pool)
{
    freelist_clear(&pool->list);
}

struct buffer *buffer_take(struct buffer_pool *pool)
{
    struct buffer *buffer = freelist_take(&pool->list);
    if (!buffer)
        return NULL;
    buffer->capacity = pool->capacity;
    buffer->start = buffer->end = 0;
    return buffer;
}

struct buffer *buffer_make(uint32_t capacity)
{
    struct buffer *buffer = malloc(sizeof(*buffer) + capacity);
    if (!buffer)
        return NULL;
    *buffer = (struct buffer){.capacity = capacity};
    return buffer;
}

void buffer_give(struct buffer_pool *pool, struct buffer **held)
{
    if (!*held)
        return;
    freelist_give(&pool->list, *held);
    *held = NULL;
}
