/* A table on standard output: columns as wide as what is in them, the last one wrapped within its own
 * width on a terminal. */
#ifndef CLI_GRID_H
#define CLI_GRID_H

#include "cli/say.h"

#include <stdbool.h>
#include <stddef.h>

struct grid;

/* `columns` are titles, kept by reference; one that begins with ">" is of numbers, set to the right. */
struct grid *grid_create(const char *const *columns, size_t count);

/* Adds a cell to the last row, or begins the next one with it. The text is copied; control characters in it
 * are shown as "?". NULL: "-". */
void grid_add(struct grid *grid, enum colour colour, const char *text);
void grid_add_format(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints it, and frees it. */
void grid_print(struct grid *grid);

#endif
