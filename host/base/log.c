#include "base/log.h"

#include "base/clock.h"
#include "base/strbuf.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* A field that makes a line longer is left out. The longest is what a function wrote without an end of line,
 * up to 16 KiB of which every byte may need an escape of six. */
#define LOG_LINE_MAX (100u << 10)

static enum log_level current_level = LOG_INFO;
static enum log_format current_format = LOG_TEXT;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_configure(enum log_level level, enum log_format format)
{
    current_level = level;
    current_format = format;
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

/* Appends `text` between quotes with the escapes of JSON; invalid UTF-8 is left to the reader. */
static void append_quoted(struct strbuf *line, const char *text)
{
    strbuf_append_text(line, "\"");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            strbuf_append_format(line, "\\%c", *p);
        else if (*p == '\n')
            strbuf_append_text(line, "\\n");
        else if (*p == '\t')
            strbuf_append_text(line, "\\t");
        else if (*p < 0x20 || *p == 0x7f)
            strbuf_append_format(line, "\\u%04x", *p);
        else
            strbuf_append(line, p, 1);
    }
    strbuf_append_text(line, "\"");
}

static bool needs_quotes(const char *text)
{
    if (!*text)
        return true;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p <= ' ' || *p == '"' || *p == '\\' || *p == '=' || *p == 0x7f)
            return true;
    }
    return false;
}

static void append_value(struct strbuf *line, const struct log_field *field)
{
    if (field->kind == LOG_KIND_INTEGER)
        strbuf_append_format(line, "%" PRId64, field->integer);
    else if (field->kind == LOG_KIND_DECIMAL)
        strbuf_append_format(line, "%.3f", field->decimal);
    else if (current_format == LOG_JSON || needs_quotes(field->string))
        append_quoted(line, field->string);
    else
        strbuf_append_text(line, field->string);
}

static void append_fields(struct strbuf *line, const struct log_field *fields)
{
    for (const struct log_field *field = fields; field->kind != LOG_KIND_END; field++) {
        if (field->kind == LOG_KIND_STRING && !field->string)
            continue;
        size_t before = line->length;
        if (current_format == LOG_JSON)
            strbuf_append_format(line, ",\"%s\":", field->key);
        else
            strbuf_append_format(line, " %s=", field->key);
        append_value(line, field);
        if (line->overflowed) { /* leave the field out rather than break the line's syntax */
            line->length = before;
            line->data[before] = '\0';
            line->overflowed = false;
        }
    }
}

size_t log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (!log_enabled(level))
        return 0;
    int saved_errno = errno;
    char now[40];
    clock_rfc3339(now, sizeof(now));

    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LOG_LINE_MAX);
    if (current_format == LOG_JSON)
        strbuf_append_format(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
                             level_names[level], event);
    else
        strbuf_append_format(&line, "%s %s %s", now, level_names[level], event);
    append_fields(&line, fields);
    line.max += 2;
    strbuf_append_text(&line, current_format == LOG_JSON ? "}\n" : "\n");

    ssize_t written = write(STDERR_FILENO, line.data, line.length);
    (void)written; /* there is nowhere left to report a log that cannot be written */
    errno = saved_errno;
    return line.length;
}
