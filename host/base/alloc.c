#include "base/alloc.h"

#include <event2/event.h>
#include <jansson.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY 4 /* a power of two */

/* Not by stdio, which may want memory for a buffer. */
void alloc_failed(void)
{
    static const char message[] = "out of memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);
    (void)written;
    abort();
}

static void *or_die(void *memory)
{
    if (!memory)
        alloc_failed();
    return memory;
}

/* --- libraries --- */

void *alloc_check_library(void *memory, size_t size)
{
    return size > ALLOC_LARGE ? memory : or_die(memory);
}

void *alloc_for_library(size_t size)
{
    return alloc_check_library(malloc(size ? size : 1), size);
}

void *alloc_again_for_library(void *old, size_t size)
{
    return alloc_check_library(realloc(old, size ? size : 1), size);
}

static void wipe_and_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void alloc_guard_libraries(void)
{
    json_set_alloc_funcs(xmalloc, wipe_and_free);
    event_set_mem_functions(alloc_for_library, alloc_again_for_library, free);
}

/* --- our own --- */

void *xmalloc(size_t size)
{
    return or_die(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return or_die(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t size)
{
    return or_die(realloc(old, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return or_die(strdup(text));
}

char *xstrndup(const char *text, size_t length)
{
    return or_die(strndup(text, length));
}

char *xasprintf(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&text, format, args);
    va_end(args);
    return or_die(size < 0 ? NULL : text);
}

void *xgrow(void *items, size_t count, size_t item_size)
{
    if (count == 0)
        return or_die(reallocarray(items, FIRST_CAPACITY, item_size));
    bool is_full = count >= FIRST_CAPACITY && (count & (count - 1)) == 0;
    return is_full ? or_die(reallocarray(items, count * 2, item_size)) : items;
}

char **texts_copy(const char *const *texts)
{
    size_t count = 0;
    if (!texts)
        return NULL;
    while (texts[count])
        count++;
    char **copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(texts[i]);
    return copy;
}

void texts_free(char **texts)
{
    for (size_t i = 0; texts && texts[i]; i++)
        free(texts[i]);
    free(texts);
}
