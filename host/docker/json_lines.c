#include "docker/json_lines.h"

#include "base/strbuf.h"

#include <string.h>

void json_lines_init(struct json_lines *lines, json_lines_fn *take, void *owner)
{
    lines->take = take;
    lines->owner = owner;
    strbuf_init(&lines->line, JSON_LINE_MAX);
}

void json_lines_clear(struct json_lines *lines)
{
    strbuf_clear(&lines->line);
}

int json_lines_end(struct json_lines *lines, struct error *err)
{
    struct strbuf *line = &lines->line;
    if (strspn(strbuf_text(line), " \t\r") == line->length) {
        strbuf_reset(line);
        return 0;
    }
    json_error_t cause;
    json_t *object = json_loadb(line->data, line->length, 0, &cause);
    strbuf_reset(line);
    int result;
    if (json_is_object(object))
        result = lines->take(lines->owner, object, err);
    else
        result = error_set(err, ERROR_DOCKER_ANSWER, "the Docker Engine's stream is damaged: %s",
                           object ? "a line is not an object" : cause.text);
    json_decref(object);
    return result;
}

int json_lines_feed(struct json_lines *lines, const char *bytes, size_t size, struct error *err)
{
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        if (strbuf_append(&lines->line, bytes, length) < 0)
            return error_set(err, ERROR_DOCKER_ANSWER,
                             "the Docker Engine's stream has a line of over %u bytes", JSON_LINE_MAX);
        if (!newline)
            return 0;
        if (json_lines_end(lines, err) < 0)
            return -1;
        bytes = newline + 1;
        size -= length + 1;
    }
    return 0;
}
