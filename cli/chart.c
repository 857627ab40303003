#include "cli/chart.h"

#include "base/alloc.h"

#include <stdlib.h>

static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const letters[] = {" ", ".", ":", "|", "#"};

void series_add(struct series *series, double value)
{
    series->values = xgrow(series->values, series->count, sizeof(*series->values));
    series->values[series->count++] = value;
}

void series_clear(struct series *series)
{
    free(series->values);
    *series = (struct series){0};
}

/* What the numbers that fall on a column come to: the same one on several when there are more columns. False:
 * there are none yet. */
static bool column_value(const struct chart *chart, unsigned column, double *ret_value)
{
    const size_t begin = column * chart->planned / chart->columns;
    size_t end = (column + 1) * chart->planned / chart->columns;
    end = end > begin ? end : begin + 1;
    end = end < chart->series->count ? end : chart->series->count;
    double sum = 0, peak = 0;
    if (begin >= end)
        return false;
    for (size_t i = begin; i < end; i++) {
        const double value = chart->series->values[i];
        sum += value;
        peak = value > peak ? value : peak;
    }
    *ret_value = chart->is_peaks ? peak : sum / (double)(end - begin);
    return true;
}

double chart_most(const struct chart *chart)
{
    double most = 0, value;
    for (unsigned column = 0; column < chart->columns && column_value(chart, column, &value); column++)
        most = value > most ? value : most;
    return most;
}

/* What is above zero is seen: its lowest row has at least the lowest mark. */
static unsigned marks_in_row(double height, unsigned row_from_below, unsigned marks)
{
    const double above = height - row_from_below * (double)marks;
    if (above >= marks)
        return marks;
    if (above >= 1)
        return (unsigned)above;
    return row_from_below == 0 && height > 0;
}

void chart_write_row(const struct chart *chart, unsigned row, struct strbuf *text)
{
    const char *const *marks = chart->is_utf8 ? blocks : letters;
    const unsigned most_marks =
        (chart->is_utf8 ? sizeof(blocks) / sizeof(*blocks) : sizeof(letters) / sizeof(*letters)) - 1;
    const double most = chart_most(chart);
    double value;
    for (unsigned column = 0; column < chart->columns && column_value(chart, column, &value); column++) {
        const double height = most > 0 ? value / most * chart->rows * most_marks + 0.001 : 0;
        strbuf_append_text(text,
                           marks[marks_in_row(value > 0 ? height : 0, chart->rows - 1 - row, most_marks)]);
    }
}
