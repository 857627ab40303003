#include "gateway/freelist.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A block that is used after it was given back is seen by AddressSanitizer only when it has been freed. */
#ifdef __SANITIZE_ADDRESS__
static const bool keeps_blocks = false;
#else
static const bool keeps_blocks = true;
#endif

static void *next_of(const void *block)
{
    void *next;
    memcpy(&next, block, sizeof(next));
    return next;
}

static void *take_first(struct freelist *list)
{
    void *block = list->first;
    list->first = next_of(block);
    list->kept--;
    return block;
}

void freelist_init(struct freelist *list, size_t size, unsigned keep)
{
    *list = (struct freelist){.size = size, .keep = keeps_blocks ? keep : 0};
}

void freelist_clear(struct freelist *list)
{
    while (list->first)
        free(take_first(list));
    list->unused = 0;
}

void *freelist_take(struct freelist *list)
{
    if (!list->first)
        return malloc(list->size);
    void *block = take_first(list);
    if (list->kept < list->unused)
        list->unused = list->kept;
    return block;
}

void freelist_give(struct freelist *list, void *block)
{
    if (list->kept >= list->keep) {
        free(block);
        return;
    }
    memcpy(block, &list->first, sizeof(list->first));
    list->first = block;
    list->kept++;
}

size_t freelist_trim(struct freelist *list)
{
    size_t freed = list->unused * list->size;
    for (; list->unused > 0; list->unused--)
        free(take_first(list));
    list->unused = list->kept;
    return freed;
}
