#include "admin/metrics_text.h"

#include "admin/function_name.h"
#include "base/container_of.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Dashboards know some metrics by names that linters allow to what has no type only. */
static const char *type_name(const struct metric *metric)
{
    static const char *const names[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    bool plain = ends_with(metric->name, "_count") ||
                 (metric->type == METRIC_COUNTER && !ends_with(metric->name, "_total"));
    return plain ? "untyped" : names[metric->type];
}

static void begin(struct metric_sink *sink, const struct metric *metric)
{
    struct metrics_text *text = container_of(sink, struct metrics_text, sink);
    text->metric = metric;
    strbuf_append_format(text->out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                         type_name(metric));
}

/* The one place where values of labels are written. */
static void append_escaped(struct strbuf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            strbuf_append_text(out, "\\n");
        else if (*value == '"' || *value == '\\')
            strbuf_append_format(out, "\\%c", *value);
        else
            strbuf_append(out, value, 1);
    }
}

/* *count: how many the braces have already. */
static void append_label(struct strbuf *out, const char *name, const char *value, const char *after,
                         unsigned *count)
{
    strbuf_append_format(out, "%s%s=\"", (*count)++ == 0 ? "{" : ",", name);
    append_escaped(out, value);
    strbuf_append_format(out, "%s\"", after);
}

/* `bound`: of a bucket, or NULL. */
static void append_series(struct metrics_text *text, const char *suffix, const struct metric_labels *labels,
                          const char *bound)
{
    unsigned count = 0;
    strbuf_append_format(text->out, "%s%s", text->metric->name, suffix);
    if (labels->function)
        append_label(text->out, "function_name", labels->function, "." FUNCTION_NAMESPACE, &count);
    for (size_t i = 0; i < METRIC_LABELS && labels->more[i].name; i++)
        append_label(text->out, labels->more[i].name, labels->more[i].value, "", &count);
    if (bound)
        append_label(text->out, "le", bound, "", &count);
    strbuf_append_text(text->out, count > 0 ? "} " : " ");
}

static void append_number(struct metrics_text *text, const char *suffix, const struct metric_labels *labels,
                          const char *bound, double value)
{
    append_series(text, suffix, labels, bound);
    strbuf_append_format(text->out, (double)(int64_t)value == value ? "%.0f\n" : "%.15g\n", value);
}

static void number(struct metric_sink *sink, const struct metric_labels *labels, double value)
{
    append_number(container_of(sink, struct metrics_text, sink), "", labels, NULL, value);
}

static void histogram(struct metric_sink *sink, const struct metric_labels *labels,
                      const struct histogram *histogram)
{
    struct metrics_text *text = container_of(sink, struct metrics_text, sink);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        char bound[32];
        snprintf(bound, sizeof(bound), "%g", histogram_bounds_ms[i] / 1e3);
        append_number(text, "_bucket", labels, bound, (double)histogram_within(histogram, i));
    }
    append_number(text, "_bucket", labels, "+Inf", (double)histogram->count);
    append_number(text, "_sum", labels, NULL, (double)histogram->sum_ns / 1e9);
    append_number(text, "_count", labels, NULL, (double)histogram->count);
}

void metrics_text_init(struct metrics_text *text, struct strbuf *out)
{
    *text =
        (struct metrics_text){.sink = {.begin = begin, .number = number, .histogram = histogram}, .out = out};
}
