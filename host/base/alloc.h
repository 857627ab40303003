/*
 * Memory for what no client controls the size of: when it is out the process ends with a message. What
 * clients send goes into buffers with a maximum (base/strbuf.h), and a buffer that cannot be had is a client
 * that is refused.
 *
 * Libraries end the process as well where they can be given functions to take memory with, but for pieces
 * that only the size of data can have made so large: those they may do without, and say so. YAML and archives
 * cannot; what they cannot read for want of memory is an error.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* As those of the C library without the x; the caller frees. Never NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A copy of texts and the array that they are in, which NULL ends; NULL of NULL. The caller frees it with
 * texts_free(). */
char **texts_copy(const char *const *texts);

/* Frees the texts and the array. NULL is fine. */
void texts_free(char **texts);

/* Room for one more item behind the `count` of an array that is only ever made longer by this, from NULL on:
 * `items`, or where they have gone to. It has room for the next power of two. */
void *xgrow(void *items, size_t count, size_t item_size);

/* For libraries: as malloc() and realloc(), but NULL only of more than ALLOC_LARGE; and `memory` itself,
 * where it is that or was to be as large. */
#define ALLOC_LARGE (64u << 10)
void *alloc_for_library(size_t size);
void *alloc_check_library(void *memory, size_t size);
void *alloc_again_for_library(void *old, size_t size);

/* Has the libraries that this folder knows of, those of JSON and of events, take their memory by these. What
 * JSON takes is overwritten when it is given back: values of secrets pass through it. Before either is used.
 */
void alloc_guard_libraries(void);

/* Says that there is no memory, and ends the process. */
_Noreturn void alloc_failed(void);

#endif
