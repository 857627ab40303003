/* A small chart of numbers over time, out of block characters, or of ASCII for terminals that have no others.
 */
#ifndef CLI_CHART_H
#define CLI_CHART_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* Numbers in the order of their time, one for each of equal spans. Zero-initialised is empty. */
struct series {
    double *values;
    size_t count;
};

void series_add(struct series *series, double value);
void series_clear(struct series *series);

struct chart {
    const struct series *series;
    size_t planned; /* how many numbers the whole width is for; at least 1 */
    unsigned columns, rows;
    bool is_utf8;
    bool is_peaks; /* a column for several numbers shows the largest, else their mean */
};

/* The largest number, which the chart's height is for. */
double chart_most(const struct chart *chart);

/* Appends one row, the highest being 0, without a newline; columns that have no number yet are left out at
 * its end. */
void chart_write_row(const struct chart *chart, unsigned row, struct strbuf *text);

#endif
