/* Many small pieces of memory that are freed together. */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

struct arena_block;

/* Zero-initialised is empty. Not thread-safe. */
struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory, aligned for any struct. Ends the process when memory is out. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of `length` bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

void arena_clear(struct arena *arena);

#endif
