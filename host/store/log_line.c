#include "store/log_line.h"

#include <string.h>

struct form {
    uint32_t size; /* of all of it */
    uint32_t checksum; /* of what follows */
    uint64_t time_ns;
    uint32_t text_size;
    uint8_t stream, goes_on;
    uint8_t name_sizes[LOG_NAMES];
    uint8_t reserved[7];
};

#define CHECKED_FROM offsetof(struct form, time_ns)

/* FNV-1a. */
static uint32_t checksum_of(const char *bytes, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    return hash;
}

const char *log_stream_name(enum log_stream stream)
{
    static const char *const names[LOG_STREAMS] = {[LOG_STDOUT] = "stdout",
                                                   [LOG_STDERR] = "stderr",
                                                   [LOG_TRACEBACK] = "traceback",
                                                   [LOG_EVENT] = "event"};
    return names[stream];
}

bool log_line_has(const struct log_line *line, enum log_name name, const char *value)
{
    const struct log_text *text = &line->names[name];
    return strlen(value) == text->size && memcmp(text->bytes, value, text->size) == 0;
}

static char *append(char *at, const struct log_text *text, size_t size)
{
    if (size > 0)
        memcpy(at, text->bytes, size);
    return at + size;
}

size_t log_line_write(const struct log_line *line, char *ret_form)
{
    struct form form = {.time_ns = line->time_ns,
                        .stream = (uint8_t)line->stream,
                        .goes_on = line->goes_on,
                        .text_size = (uint32_t)line->text.size};
    if (line->text.size > LOG_LINE_TEXT_MAX)
        form.text_size = LOG_LINE_TEXT_MAX;
    char *at = ret_form + sizeof(form);
    for (size_t i = 0; i < LOG_NAMES; i++) {
        size_t size = line->names[i].size;
        form.name_sizes[i] = (uint8_t)(size < LOG_LINE_NAME_MAX ? size : LOG_LINE_NAME_MAX);
        at = append(at, &line->names[i], form.name_sizes[i]);
    }
    at = append(at, &line->text, form.text_size);
    form.size = (uint32_t)(at - ret_form);
    memcpy(ret_form, &form, sizeof(form));
    form.checksum = checksum_of(ret_form + CHECKED_FROM, form.size - CHECKED_FROM);
    memcpy(ret_form, &form, sizeof(form));
    return form.size;
}

static bool is_sound(const struct form *form)
{
    size_t size = sizeof(*form) + form->text_size;
    for (size_t i = 0; i < LOG_NAMES; i++)
        size += form->name_sizes[i];
    return form->size == size && form->text_size <= LOG_LINE_TEXT_MAX && form->stream < LOG_STREAMS;
}

long log_line_read(const char *bytes, size_t size, struct log_line *ret_line)
{
    struct form form;
    if (size < sizeof(form))
        return 0;
    memcpy(&form, bytes, sizeof(form));
    if (!is_sound(&form))
        return -1;
    if (size < form.size)
        return 0;
    if (checksum_of(bytes + CHECKED_FROM, form.size - CHECKED_FROM) != form.checksum)
        return -1;
    *ret_line = (struct log_line){
        .time_ns = form.time_ns, .stream = (enum log_stream)form.stream, .goes_on = form.goes_on};
    const char *at = bytes + sizeof(form);
    for (size_t i = 0; i < LOG_NAMES; i++) {
        ret_line->names[i] = (struct log_text){at, form.name_sizes[i]};
        at += form.name_sizes[i];
    }
    ret_line->text = (struct log_text){at, form.text_size};
    return (long)form.size;
}
