#include "admin/statsd_lines.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "base/table.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 512
#define OWN_PREFIX     "berth_"

/* What was told of one sample of a metric. */
struct series {
    double value;
    bool is_gauge;
    unsigned told, seen; /* the passes in which it was last */
    UT_hash_handle hh;
    struct series *gone; /* while it is being forgotten: the next */
    char name[];
};

struct statsd_lines {
    struct metric_sink sink;
    const char *prefix;
    statsd_send_fn *send;
    void *context;
    const struct metric *metric;
    struct series *series;
    unsigned pass;
    char datagram[STATSD_DATAGRAM_MAX];
    size_t length;
};

/* --- datagrams --- */

static void flush(struct statsd_lines *lines)
{
    if (lines->length > 0)
        lines->send(lines->context, lines->datagram, lines->length);
    lines->length = 0;
}

static void append_line(struct statsd_lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append_line(struct statsd_lines *lines, const char *format, ...)
{
    char line[NAME_MAX_BYTES + 64];
    va_list arguments;
    va_start(arguments, format);
    size_t size = (size_t)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (lines->length + 1 + size > sizeof(lines->datagram))
        flush(lines);
    if (lines->length > 0)
        lines->datagram[lines->length++] = '\n';
    memcpy(lines->datagram + lines->length, line, size);
    lines->length += size;
}

/* "3", "0.25": whole where it is. */
static const char *write_value(double value, char *text, size_t size)
{
    snprintf(text, size, (double)(int64_t)value == value ? "%.0f" : "%.15g", value);
    return text;
}

static void append_value(struct statsd_lines *lines, const char *name, double value, const char *type)
{
    char text[32];
    append_line(lines, "%s:%s|%s", name, write_value(value, text, sizeof(text)), type);
}

/* --- names --- */

/* A part of a name, with a point before it unless it is the first; what is beyond the room is cut. */
static void append_part(char *name, const char *part)
{
    size_t length = strlen(name);
    if (length > 0 && length < NAME_MAX_BYTES - 1)
        name[length++] = '.';
    for (; *part && length < NAME_MAX_BYTES - 1; part++)
        name[length++] = (char)(isalnum((unsigned char)*part) || *part == '-' ? *part : '_');
    name[length] = '\0';
}

static void write_name(const struct statsd_lines *lines, const char *metric, const char *function, char *name)
{
    snprintf(name, NAME_MAX_BYTES, "%s", lines->prefix);
    append_part(name,
                strncmp(metric, OWN_PREFIX, strlen(OWN_PREFIX)) == 0 ? metric + strlen(OWN_PREFIX) : metric);
    if (function)
        append_part(name, function);
}

/* --- passes --- */

static struct series *find_or_add(struct statsd_lines *lines, const char *name)
{
    struct series *found;
    HASH_FIND_STR(lines->series, name, found);
    if (found)
        return found;
    found = xcalloc(1, sizeof(*found) + strlen(name) + 1);
    memcpy(found->name, name, strlen(name));
    found->is_gauge = lines->metric->type == METRIC_GAUGE;
    HASH_ADD_STR(lines->series, name, found);
    return found;
}

/* What is less than before has begun anew. */
static void tell_counter(struct statsd_lines *lines, struct series *series, double value)
{
    double added = value < series->value ? value : value - series->value;
    if (added > 0)
        append_value(lines, series->name, added, "c");
    series->value = value;
}

static void tell_gauge(struct statsd_lines *lines, struct series *series, double value)
{
    bool is_new = series->told == 0;
    if (!is_new && value == series->value && lines->pass - series->told < STATSD_REPEAT)
        return;
    append_value(lines, series->name, value, "g");
    series->value = value;
    series->told = lines->pass;
}

static void begin(struct metric_sink *sink, const struct metric *metric)
{
    container_of(sink, struct statsd_lines, sink)->metric = metric;
}

static void number(struct metric_sink *sink, const struct metric_labels *labels, double value)
{
    struct statsd_lines *lines = container_of(sink, struct statsd_lines, sink);
    char name[NAME_MAX_BYTES];
    write_name(lines, lines->metric->name, labels->function, name);
    for (size_t i = 0; i < METRIC_LABELS && labels->more[i].name; i++)
        append_part(name, labels->more[i].value);
    struct series *series = find_or_add(lines, name);
    series->seen = lines->pass;
    if (series->is_gauge)
        tell_gauge(lines, series, value);
    else
        tell_counter(lines, series, value);
}

/* Whoever takes StatsD makes histograms itself, of single timings. */
static void histogram(struct metric_sink *sink, const struct metric_labels *labels,
                      const struct histogram *histogram)
{
    (void)sink, (void)labels, (void)histogram;
}

struct statsd_lines *statsd_lines_create(const char *prefix, statsd_send_fn *send, void *context)
{
    struct statsd_lines *lines = xcalloc(1, sizeof(*lines));
    lines->sink = (struct metric_sink){.begin = begin, .number = number, .histogram = histogram};
    lines->prefix = prefix;
    lines->send = send;
    lines->context = context;
    lines->pass = 1;
    return lines;
}

struct metric_sink *statsd_lines_sink(struct statsd_lines *lines)
{
    return &lines->sink;
}

void statsd_lines_sample(struct statsd_lines *lines, const struct request_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        const struct sampled_request *request = &sample->kept[i];
        char name[NAME_MAX_BYTES], rate[32] = "";
        write_name(lines, "request_duration", request->function, name);
        if (sample->stride > 1)
            snprintf(rate, sizeof(rate), "|@%.9g", 1.0 / (double)sample->stride);
        append_line(lines, "%s:%.3f|ms%s", name, (double)request->duration_ns / 1e6, rate);
    }
}

/* Takes those out that were not seen in this pass, chained by `gone`. */
static struct series *take_out(struct statsd_lines *lines)
{
    struct series *series, *next, *gone = NULL;
    HASH_ITER(hh, lines->series, series, next)
    {
        if (series->seen == lines->pass)
            continue;
        HASH_DEL(lines->series, series);
        series->gone = gone;
        gone = series;
    }
    return gone;
}

static void free_chain(struct series *gone)
{
    while (gone) {
        struct series *next = gone->gone;
        free(gone);
        gone = next;
    }
}

void statsd_lines_end(struct statsd_lines *lines)
{
    struct series *gone = take_out(lines);
    for (const struct series *series = gone; series; series = series->gone) {
        if (series->is_gauge)
            append_value(lines, series->name, 0, "g");
    }
    free_chain(gone);
    flush(lines);
    lines->pass++;
}

void statsd_lines_destroy(struct statsd_lines *lines)
{
    if (!lines)
        return;
    free_chain(take_out(lines));
    free(lines);
}
