#include "cli/grid.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2

struct cell {
    char *text;
    enum colour colour;
};

struct grid {
    const char *const *titles;
    size_t columns;
    struct cell *cells; /* row by row */
    size_t count;
};

struct grid *grid_create(const char *const *columns, size_t count)
{
    struct grid *grid = xcalloc(1, sizeof(*grid));
    grid->titles = columns;
    grid->columns = count;
    return grid;
}

static char *printable(const char *text)
{
    char *copy = xstrdup(text);
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    return copy;
}

void grid_add(struct grid *grid, enum colour colour, const char *text)
{
    grid->cells = xgrow(grid->cells, grid->count, sizeof(*grid->cells));
    grid->cells[grid->count++] = (struct cell){printable(text ? text : "-"), colour};
}

void grid_add_format(struct grid *grid, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    grid_add(grid, COLOUR_NONE, text);
}

static bool is_right(const struct grid *grid, size_t column)
{
    return grid->titles[column][0] == '>';
}

static const char *title(const struct grid *grid, size_t column)
{
    return grid->titles[column] + is_right(grid, column);
}

static size_t column_width(const struct grid *grid, size_t column)
{
    size_t width = text_width(title(grid, column));
    for (size_t i = column; i < grid->count; i += grid->columns) {
        size_t own = text_width(grid->cells[i].text);
        width = own > width ? own : width;
    }
    return width;
}

static void print_cell(const struct grid *grid, size_t column, const char *text, enum colour colour,
                       size_t width)
{
    bool is_last = column + 1 == grid->columns;
    size_t own = text_width(text), padding = own < width ? width - own : 0;
    const char *begin = colour_begin(stdout, colour), *end = *begin ? colour_end(stdout) : "";
    if (is_right(grid, column))
        printf("%*s", (int)padding, "");
    printf("%s%.*s%s", begin, is_last ? text_bytes(text, width) : (int)strlen(text), text, end);
    if (is_last)
        putchar('\n');
    else
        printf("%*s", (int)(is_right(grid, column) ? GAP : padding + GAP), "");
}

/* On a terminal the last column ends with the line; elsewhere it is whole, for whoever searches it. */
static void measure(const struct grid *grid, size_t *ret_widths)
{
    size_t used = 0;
    for (size_t column = 0; column < grid->columns; column++) {
        ret_widths[column] = column_width(grid, column);
        if (column + 1 < grid->columns)
            used += ret_widths[column] + GAP;
    }
    size_t *last = &ret_widths[grid->columns - 1], screen = screen_width(STDOUT_FILENO);
    size_t room = screen > used + GAP ? screen - used : GAP;
    if (isatty(STDOUT_FILENO) && *last > room)
        *last = room;
}

void grid_print(struct grid *grid)
{
    cleanup_free size_t *widths = xcalloc(grid->columns, sizeof(*widths));
    measure(grid, widths);
    for (size_t column = 0; column < grid->columns; column++)
        print_cell(grid, column, title(grid, column), COLOUR_DIM, widths[column]);
    for (size_t i = 0, column = 0; i < grid->count; i++) {
        print_cell(grid, column, grid->cells[i].text, grid->cells[i].colour, widths[column]);
        free(grid->cells[i].text);
        column = column + 1 == grid->columns ? 0 : column + 1;
    }
    free(grid->cells);
    free(grid);
}
