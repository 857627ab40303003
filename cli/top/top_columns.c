#include "cli/top/top_columns.h"

#include "base/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LEAST 16

/* --- what functions have --- */

static const char *name_of(const struct top_function *function)
{
    return function->name;
}

static const char *state_of(const struct top_function *function)
{
    return function->state;
}

static double requests_of(const struct top_function *function)
{
    return function->requests_per_s;
}

static double p50_of(const struct top_function *function)
{
    return function->p50_ms;
}

static double p99_of(const struct top_function *function)
{
    return function->p99_ms;
}

static double errors_of(const struct top_function *function)
{
    return function->errors_per_s;
}

static double ready_of(const struct top_function *function)
{
    return function->ready;
}

static double busy_of(const struct top_function *function)
{
    return function->busy;
}

static double starting_of(const struct top_function *function)
{
    return function->starting;
}

static double waiting_of(const struct top_function *function)
{
    return function->waiting;
}

static double cold_starts_of(const struct top_function *function)
{
    return (double)function->cold_starts;
}

static double kept_warm_of(const struct top_function *function)
{
    return function->kept_warm;
}

static double memory_of(const struct top_function *function)
{
    return (double)function->memory_bytes;
}

/* --- numbers for people --- */

static void write_rate(double value, char text[TOP_CELL_SIZE])
{
    if (isnan(value))
        snprintf(text, TOP_CELL_SIZE, "-");
    else
        snprintf(text, TOP_CELL_SIZE, value > 0 && value < 1000 ? "%.1f" : "%.0f", value);
}

static void write_ms(double value, char text[TOP_CELL_SIZE])
{
    if (isinf(value))
        snprintf(text, TOP_CELL_SIZE, ">%u", histogram_bounds_ms[HISTOGRAM_BOUNDS - 1]);
    else if (isnan(value))
        snprintf(text, TOP_CELL_SIZE, "-");
    else
        snprintf(text, TOP_CELL_SIZE, value < 100 ? "%.1f" : "%.0f", value);
}

static void write_count(double value, char text[TOP_CELL_SIZE])
{
    snprintf(text, TOP_CELL_SIZE, "%.0f", value);
}

static void write_memory(double value, char text[TOP_CELL_SIZE])
{
    const double mebibytes = value / (1 << 20);
    if (mebibytes < 10000)
        snprintf(text, TOP_CELL_SIZE, "%.0fM", mebibytes);
    else
        snprintf(text, TOP_CELL_SIZE, "%.1fG", mebibytes / 1024);
}

/* --- the table --- */

const struct top_column top_columns[] = {
    {"FUNCTION", "name", 'n', "name", 0, 0, NULL, name_of, NULL},
    {">REQ/S", "requests_per_s", 'r', "requests", 7, 0, requests_of, NULL, write_rate},
    {">P50 MS", "p50_ms", 0, NULL, 6, 4, p50_of, NULL, write_ms},
    {">P99 MS", "p99_ms", 'p', "p99", 6, 2, p99_of, NULL, write_ms},
    {">ERR/S", "errors_per_s", 'e', "errors", 6, 0, errors_of, NULL, write_rate},
    {">READY", "ready", 'i', "ready", 5, 0, ready_of, NULL, write_count},
    {">BUSY", "busy", 0, NULL, 5, 3, busy_of, NULL, write_count},
    {">START", "starting", 0, NULL, 5, 6, starting_of, NULL, write_count},
    {">QUEUE", "waiting", 'w', "queue", 5, 1, waiting_of, NULL, write_count},
    {">COLD", "cold_starts", 'c', "cold", 6, 5, cold_starts_of, NULL, write_count},
    {">WARM", "kept_warm", 0, NULL, 5, 9, kept_warm_of, NULL, write_count},
    {">MEMORY", "memory_bytes", 'm', "memory", 6, 7, memory_of, NULL, write_memory},
    {"STATE", "state", 0, NULL, 8, 8, NULL, state_of, NULL},
};

const size_t top_column_count = sizeof(top_columns) / sizeof(top_columns[0]);

_Static_assert(sizeof(top_columns) / sizeof(top_columns[0]) <= TOP_COLUMNS_MAX,
               "whoever draws has room for these");

const struct top_column *top_column_named(const char *key)
{
    for (size_t i = 0; i < top_column_count; i++) {
        if (strcmp(top_columns[i].key, key) == 0)
            return &top_columns[i];
    }
    return NULL;
}

const struct top_column *top_column_lettered(char letter)
{
    for (size_t i = 0; i < top_column_count; i++) {
        if (top_columns[i].letter && top_columns[i].letter == letter)
            return &top_columns[i];
    }
    return NULL;
}

void top_column_write(const struct top_column *column, const struct top_function *function,
                      char text[TOP_CELL_SIZE])
{
    if (column->value)
        column->write(column->value(function), text);
    else
        snprintf(text, TOP_CELL_SIZE, "%s", column->text(function));
}

/* --- order --- */

/* What is not known is less than all that is. */
static int compare_values(double first, double second)
{
    first = isnan(first) ? -1 : first;
    second = isnan(second) ? -1 : second;
    return (first < second) - (first > second);
}

static int compare(const void *a, const void *b, void *context)
{
    const struct top_function *first = *(const struct top_function *const *)a;
    const struct top_function *second = *(const struct top_function *const *)b;
    const struct top_column *column = context;
    int order = column->value ? compare_values(column->value(first), column->value(second))
                              : strcmp(column->text(first), column->text(second));
    return order ? order : strcmp(first->name, second->name);
}

const struct top_function **top_order(const struct top_sample *sample, const struct top_column *column,
                                      const char *filter, size_t *ret_count)
{
    const struct top_function **order = xcalloc(sample->count + 1, sizeof(*order));
    size_t count = 0;
    for (size_t i = 0; i < sample->count; i++) {
        if (strstr(sample->functions[i].name, filter))
            order[count++] = &sample->functions[i];
    }
    qsort_r((void *)order, count, sizeof(*order), compare, (void *)column);
    *ret_count = count;
    return order;
}

/* --- room --- */

static unsigned width_of(const bool *room)
{
    unsigned width = 0;
    for (size_t i = 1; i < top_column_count; i++)
        width += room[i] ? TOP_GAP + top_columns[i].width : 0;
    return width;
}

/* The one that goes next. */
static size_t last_turn(const bool *room)
{
    size_t last = 0;
    for (size_t i = 1; i < top_column_count; i++) {
        if (room[i] && top_columns[i].turn > top_columns[last].turn)
            last = i;
    }
    return last;
}

unsigned top_columns_fit(unsigned screen_columns, bool *ret_room)
{
    for (size_t i = 0; i < top_column_count; i++)
        ret_room[i] = true;
    for (size_t last; width_of(ret_room) + NAME_LEAST > screen_columns && (last = last_turn(ret_room)) > 0;)
        ret_room[last] = false;
    const unsigned used = width_of(ret_room);
    return used < screen_columns ? screen_columns - used : 1;
}
