#include "base/log.h"

#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "base/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* A field that makes a line longer is left out. Every byte of a text may need an escape of six. */
#define LOG_LINE_MAX (6 * LOG_TEXT_MAX + (16u << 10))

static enum log_level current_level = LOG_INFO;
static enum log_format current_format = LOG_TEXT;
static log_observe_fn *observer; /* NULL: nobody */
static void *observer_context;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_configure(enum log_level level, enum log_format format)
{
    current_level = level;
    current_format = format;
}

void log_observe(log_observe_fn *observe, void *context)
{
    observer = observe;
    observer_context = context;
}

bool log_enabled(enum log_level level)
{
    return level >= current_level;
}

int log_level_parse(const char *name, enum log_level *ret_level)
{
    for (int i = 0; i <= LOG_ERROR; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    }
    return -1;
}

/* How many bytes at the beginning of `text` stand for themselves; 0: the first needs an escape, or is mended.
 */
static size_t plain_length(const char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        unsigned char byte = (unsigned char)text[length];
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
            break;
        size_t sequence = byte < 0x80 ? 1 : utf8_sequence(text + length, size - length);
        if (sequence == 0)
            break;
        length += sequence;
    }
    return length;
}

static void append_escaped(struct strbuf *line, unsigned char byte)
{
    if (byte == '"' || byte == '\\')
        strbuf_append_format(line, "\\%c", byte);
    else if (byte == '\n')
        strbuf_append_text(line, "\\n");
    else if (byte == '\t')
        strbuf_append_text(line, "\\t");
    else if (byte < 0x80)
        strbuf_append_format(line, "\\u%04x", byte);
    else
        strbuf_append_text(line, "?");
}

/* Appends a text with the escapes of JSON, and mended where it is no UTF-8. */
static void append_text(struct strbuf *line, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t plain = plain_length(text + at, size - at);
        strbuf_append(line, text + at, plain);
        at += plain;
        if (at < size)
            append_escaped(line, (unsigned char)text[at++]);
    }
}

static bool needs_quotes(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte <= ' ' || byte == '"' || byte == '\\' || byte == '=' || byte == 0x7f)
            return true;
    }
    return size == 0;
}

static void append_string(struct strbuf *line, enum log_format format, const char *text, size_t size)
{
    const char *quote = format == LOG_JSON || needs_quotes(text, size) ? "\"" : "";
    strbuf_append_text(line, quote);
    append_text(line, text, size);
    strbuf_append_text(line, quote);
}

static void append_value(struct strbuf *line, enum log_format format, const struct log_field *field)
{
    if (field->kind == LOG_KIND_INTEGER)
        strbuf_append_format(line, "%" PRId64, field->integer);
    else if (field->kind == LOG_KIND_DECIMAL)
        strbuf_append_format(line, "%.3f", field->decimal);
    else
        append_string(line, format, field->string,
                      field->kind == LOG_KIND_BYTES ? field->size : strlen(field->string));
}

static void append_fields(struct strbuf *line, enum log_format format, const struct log_field *fields)
{
    for (const struct log_field *field = fields; field->kind != LOG_KIND_END; field++) {
        bool text = field->kind == LOG_KIND_STRING || field->kind == LOG_KIND_BYTES;
        if (text && !field->string)
            continue;
        size_t before = line->length;
        strbuf_append_text(line, format == LOG_JSON ? ",\"" : " ");
        strbuf_append_text(line, field->key);
        strbuf_append_text(line, format == LOG_JSON ? "\":" : "=");
        append_value(line, format, field);
        if (line->overflowed) { /* leave the field out rather than break the line's syntax */
            line->length = before;
            line->data[before] = '\0';
            line->overflowed = false;
        }
    }
}

/* A pipe takes a long line in pieces: others wait until it has all of them. */
static void write_line(const struct strbuf *line)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    size_t sent = 0;
    while (sent < line->length) {
        ssize_t size = write(STDERR_FILENO, line->data + sent, line->length - sent);
        if (size > 0)
            sent += (size_t)size;
        else if (errno != EINTR)
            break; /* there is nowhere left to report a log that cannot be written */
    }
    pthread_mutex_unlock(&mutex);
}

/* The line without its newline. The caller has initialised the buffer, and clears it. */
static void make_line(struct strbuf *line, enum log_format format, const char now[RFC3339_SIZE],
                      enum log_level level, const char *event, const struct log_field *fields)
{
    if (format == LOG_JSON)
        strbuf_append_format(line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
                             level_names[level], event);
    else
        strbuf_append_format(line, "%s %s %s", now, level_names[level], event);
    append_fields(line, format, fields);
    line->max += 2; /* for what ends it */
    if (format == LOG_JSON)
        strbuf_append_text(line, "}");
}

static void show_observer(const char now[RFC3339_SIZE], enum log_level level, const char *event,
                          const struct log_field *fields)
{
    cleanup_strbuf struct strbuf json;
    strbuf_init(&json, LOG_LINE_MAX);
    make_line(&json, LOG_JSON, now, level, event, fields);
    observer(event, fields, strbuf_text(&json), observer_context);
}

static size_t write_log(const char now[RFC3339_SIZE], enum log_level level, const char *event,
                        const struct log_field *fields)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LOG_LINE_MAX);
    make_line(&line, current_format, now, level, event, fields);
    strbuf_append_text(&line, "\n");
    write_line(&line);
    return line.length;
}

size_t log_write(enum log_level level, enum log_purpose purpose, const char *event,
                 const struct log_field *fields)
{
    bool is_observed = observer && purpose == LOG_CHANGE && level > LOG_DEBUG;
    if (!log_enabled(level) && !is_observed)
        return 0;
    int saved_errno = errno;
    char now[RFC3339_SIZE];
    rfc3339_write(wall_clock_ms(), now);
    size_t size = log_enabled(level) ? write_log(now, level, event, fields) : 0;
    if (is_observed)
        show_observer(now, level, event, fields);
    errno = saved_errno;
    return size;
}
