/*
 * A growing byte buffer with a mandatory maximum. The bytes are always followed by a NUL, so `data` can be
 * used as a string. An append that would pass the maximum changes nothing, returns -1 and marks the buffer as
 * overflowed, so a chain of appends needs one check at its end.
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *data; /* NULL until the first append; use strbuf_text() to read */
    size_t length;
    size_t capacity;
    size_t max; /* bytes, without the NUL */
    bool overflowed;
};

void strbuf_init(struct strbuf *buf, size_t max);

/* Frees the bytes and leaves an empty buffer with the same maximum. */
void strbuf_clear(struct strbuf *buf);

/* Forgets the content and keeps the memory. */
void strbuf_reset(struct strbuf *buf);

int strbuf_append(struct strbuf *buf, const void *bytes, size_t size);
int strbuf_append_text(struct strbuf *buf, const char *text);
int strbuf_append_format(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The content as a NUL-terminated string, "" when empty. Owned by the buffer. */
const char *strbuf_text(const struct strbuf *buf);

/* Hands the content over to the caller, who frees it (never NULL), and leaves an empty buffer. */
char *strbuf_steal(struct strbuf *buf);

/* For locals: `cleanup_strbuf struct strbuf text; strbuf_init(&text, MAX);` */
#define cleanup_strbuf __attribute__((cleanup(strbuf_clear)))

#endif
