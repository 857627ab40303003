#include "base/strbuf.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_init(struct strbuf *buf, size_t max)
{
    *buf = (struct strbuf){.max = max};
}

void strbuf_clear(struct strbuf *buf)
{
    free(buf->data);
    strbuf_init(buf, buf->max);
}

void strbuf_reset(struct strbuf *buf)
{
    buf->length = 0;
    buf->overflowed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for `extra` more bytes and the NUL. */
static int reserve(struct strbuf *buf, size_t extra)
{
    if (buf->overflowed || extra > buf->max - buf->length) {
        buf->overflowed = true;
        return -1;
    }
    size_t needed = buf->length + extra + 1;
    if (needed <= buf->capacity)
        return 0;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(buf->data, capacity);
    if (!data) {
        buf->overflowed = true;
        return -1;
    }
    buf->data = data;
    buf->capacity = capacity;
    return 0;
}

int strbuf_append(struct strbuf *buf, const void *bytes, size_t size)
{
    if (reserve(buf, size) < 0)
        return -1;
    if (size > 0)
        memcpy(buf->data + buf->length, bytes, size);
    buf->length += size;
    buf->data[buf->length] = '\0';
    return 0;
}

int strbuf_append_text(struct strbuf *buf, const char *text)
{
    return strbuf_append(buf, text, strlen(text));
}

__attribute__((format(printf, 2, 0))) static int append_format(struct strbuf *buf, const char *format,
                                                               va_list args)
{
    va_list measure;
    va_copy(measure, args);
    int size = vsnprintf(NULL, 0, format, measure);
    va_end(measure);
    if (size < 0 || reserve(buf, (size_t)size) < 0)
        return -1;
    vsnprintf(buf->data + buf->length, (size_t)size + 1, format, args);
    buf->length += (size_t)size;
    return 0;
}

int strbuf_append_format(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = append_format(buf, format, args);
    va_end(args);
    return rc;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

char *strbuf_steal(struct strbuf *buf)
{
    char *data = buf->data ? buf->data : xstrdup("");
    strbuf_init(buf, buf->max);
    return data;
}
