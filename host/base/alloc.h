/*
 * Memory for what no client controls the size of: when it is out the process ends with a message. What
 * clients send goes into buffers with a maximum (base/strbuf.h).
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

#endif
