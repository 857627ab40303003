#include "base/cleanup.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/top/top.h"

#include <math.h>
#include <time.h>

static void print_table(const struct top_wish *wish, const struct top_sample *sample)
{
    const char *titles[TOP_COLUMNS_MAX];
    size_t count;
    cleanup_free const struct top_function **order = top_order(sample, wish->column, wish->filter, &count);
    for (size_t i = 0; i < top_column_count; i++)
        titles[i] = top_columns[i].title;
    struct grid *grid = grid_create(titles, top_column_count);
    for (size_t row = 0; row < count; row++) {
        for (size_t i = 0; i < top_column_count; i++) {
            char text[TOP_CELL_SIZE];
            top_column_write(&top_columns[i], order[row], text);
            grid_add(grid, i == 0 ? COLOUR_BOLD : COLOUR_NONE, text);
        }
    }
    grid_print(grid);
}

/* What is beyond the last bound is at least that. */
static json_t *number_json(double value)
{
    if (isnan(value))
        return json_null();
    return value == floor(value) || isinf(value)
               ? json_integer(isinf(value) ? histogram_bounds_ms[HISTOGRAM_BOUNDS - 1] : (json_int_t)value)
               : json_real(value);
}

static json_t *function_json(const struct top_function *function)
{
    json_t *json = json_object();
    for (size_t i = 0; i < top_column_count; i++) {
        const struct top_column *column = &top_columns[i];
        json_object_set_new(json, column->key,
                            column->value ? number_json(column->value(function))
                                          : json_string(column->text(function)));
    }
    json_object_set_new(json, "callable", json_boolean(function->is_callable));
    return json;
}

static void print_json_table(const struct top_wish *wish, const struct top_sample *sample,
                             uint64_t interval_ns)
{
    size_t count;
    cleanup_free const struct top_function **order = top_order(sample, wish->column, wish->filter, &count);
    json_t *functions = json_array();
    for (size_t row = 0; row < count; row++)
        json_array_append_new(functions, function_json(order[row]));
    json_t *json = json_pack("{s:f, s:o}", "interval_ms", (double)interval_ns / 1e6, "functions", functions);
    print_json(json);
    json_decref(json);
}

int top_show_once(const struct top_wish *wish)
{
    struct top_sample before, sample = {0};
    int status = top_ask(wish->arguments, &before);
    if (status != STATUS_OK)
        return status;
    const struct timespec pause = {.tv_sec = (time_t)(wish->interval_ms / 1000),
                                   .tv_nsec = (long)(wish->interval_ms % 1000 * 1000000)};
    nanosleep(&pause, NULL);
    status = top_ask(wish->arguments, &sample);
    if (status == STATUS_OK) {
        top_sample_compare(&sample, &before);
        if (arguments_has(wish->arguments, "json"))
            print_json_table(wish, &sample, sample.at_ns - before.at_ns);
        else
            print_table(wish, &sample);
    }
    top_sample_clear(&before);
    top_sample_clear(&sample);
    return status;
}
