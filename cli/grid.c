#include "cli/grid.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define GAP      2
#define LAST_MIN 24 /* of the last column's characters */

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

/* The first bytes of a text, as many as fit, up to the end of a word unless the first one is longer. */
static size_t bytes_of_line(const char *text, size_t width)
{
    size_t bytes = (size_t)text_bytes(text, width);
    if (!text[bytes] || text[bytes] == ' ')
        return bytes;
    size_t word_end = bytes;
    while (word_end > 0 && text[word_end] != ' ')
        word_end--;
    return word_end > 0 ? word_end : bytes;
}

/* The last column, wrapped within its width; `indent` is where it begins. */
static void print_last(const char *text, size_t width, size_t indent, enum colour colour)
{
    const char *begin = colour_begin(stdout, colour), *end = *begin ? colour_end(stdout) : "";
    for (const char *rest = text;;) {
        size_t bytes = bytes_of_line(rest, width);
        printf("%s%.*s%s\n", begin, (int)bytes, rest, end);
        rest += bytes + strspn(rest + bytes, " ");
        if (!*rest)
            return;
        printf("%*s", (int)indent, "");
    }
}

static void print_cell(const struct grid *grid, size_t column, const char *text, enum colour colour,
                       size_t width)
{
    size_t own = text_width(text), padding = own < width ? width - own : 0;
    const char *begin = colour_begin(stdout, colour), *end = *begin ? colour_end(stdout) : "";
    if (is_right(grid, column))
        printf("%*s", (int)padding, "");
    printf("%s%s%s%*s", begin, text, end, (int)(is_right(grid, column) ? GAP : padding + GAP), "");
}

/* On a terminal the last column ends with the line, if that leaves it a width worth having; elsewhere it is
 * on one line, for whoever searches it. The place where it begins is returned. */
static size_t measure(const struct grid *grid, size_t *ret_widths)
{
    size_t used = 0, last = grid->columns - 1;
    for (size_t column = 0; column < grid->columns; column++)
        ret_widths[column] = column_width(grid, column);
    for (size_t column = 0; column < last; column++)
        used += ret_widths[column] + GAP;
    size_t screen = screen_width(STDOUT_FILENO), room = screen > used + LAST_MIN ? screen - used : LAST_MIN;
    if (isatty(STDOUT_FILENO) && ret_widths[last] > room)
        ret_widths[last] = room;
    return used;
}

static void print_row(const struct grid *grid, const struct cell *row, const size_t *widths, size_t indent)
{
    size_t last = grid->columns - 1;
    for (size_t column = 0; column < last; column++)
        print_cell(grid, column, row[column].text, row[column].colour, widths[column]);
    print_last(row[last].text, widths[last], indent, row[last].colour);
}

void grid_print(struct grid *grid)
{
    cleanup_free size_t *widths = xcalloc(grid->columns, sizeof(*widths));
    cleanup_free struct cell *titles = xcalloc(grid->columns, sizeof(*titles));
    size_t indent = measure(grid, widths);
    for (size_t column = 0; column < grid->columns; column++)
        titles[column] = (struct cell){(char *)title(grid, column), COLOUR_DIM};
    print_row(grid, titles, widths, indent);
    for (size_t i = 0; i + grid->columns <= grid->count; i += grid->columns)
        print_row(grid, &grid->cells[i], widths, indent);
    for (size_t i = 0; i < grid->count; i++)
        free(grid->cells[i].text);
    free(grid->cells);
    free(grid);
}
