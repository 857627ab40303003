/*
 * Blocks of one size, kept for reuse after they were given back: taken and given without a lock, and without
 * the heap's bookkeeping, while a worker is busy. What a quiet time does not need goes back to the heap. One
 * thread.
 */
#ifndef GATEWAY_FREELIST_H
#define GATEWAY_FREELIST_H

#include <stddef.h>

struct freelist {
    void *first; /* a kept block begins with the pointer to the next */
    size_t size; /* of a block, in bytes */
    unsigned keep; /* at most; the rest goes back to the heap */
    unsigned kept;
    unsigned unused; /* kept all the time since the last trim */
};

/* `size` is that of a pointer at least. */
void freelist_init(struct freelist *list, size_t size, unsigned keep);
void freelist_clear(struct freelist *list);

/* A block with anything in it, or NULL when memory is out. */
void *freelist_take(struct freelist *list);

/* Gives back a block that was taken from this list. */
void freelist_give(struct freelist *list, void *block);

/* Frees the blocks that nobody has needed since the last call. Returns their bytes. */
size_t freelist_trim(struct freelist *list);

#endif
