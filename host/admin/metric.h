/*
 * A metric: one name with its samples, which labels tell apart; and where samples go, in whichever format.
 * Control thread.
 */
#ifndef ADMIN_METRIC_H
#define ADMIN_METRIC_H

#include "base/histogram.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric {
    const char *name;
    enum metric_type type;
    const char *help;
};

struct metric_label {
    const char *name, *value; /* any bytes */
};

#define METRIC_LABELS 4

/* What tells a sample from others of its metric. */
struct metric_labels {
    const char *function; /* without its namespace; NULL: it belongs to none */
    struct metric_label more[METRIC_LABELS]; /* up to the first without a name */
};

/* What takes metrics; what an implementation keeps of its own begins with this. */
struct metric_sink {
    /* The samples that follow are this one's, which stays until the next. Not twice. */
    void (*begin)(struct metric_sink *sink, const struct metric *metric);
    /* Borrowed, like the next. */
    void (*number)(struct metric_sink *sink, const struct metric_labels *labels, double value);
    void (*histogram)(struct metric_sink *sink, const struct metric_labels *labels,
                      const struct histogram *histogram);
};

#endif
