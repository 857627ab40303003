/* The columns of `berth top`: one table drives the screen, the plain table, --json and the order. */
#ifndef CLI_TOP_TOP_COLUMNS_H
#define CLI_TOP_TOP_COLUMNS_H

#include "cli/top/top_sample.h"

#define TOP_CELL_SIZE 64
#define TOP_GAP       2 /* between columns */

struct top_column {
    const char *title; /* as a grid wants it: ">P99" is of numbers */
    const char *key; /* in JSON, and for --sort */
    char letter; /* sorts by it on the screen; 0: none does */
    const char *word; /* what the screen calls that */
    unsigned width;
    unsigned turn; /* on a narrow screen the highest go first; 0: stays */
    double (*value)(const struct top_function *function); /* NULL: it is a text */
    const char *(*text)(const struct top_function *function); /* NULL: it is a number */
    void (*write)(double value, char text[TOP_CELL_SIZE]); /* a number, for people */
};

#define TOP_COLUMNS_MAX 16 /* and not more */

extern const struct top_column top_columns[];
extern const size_t top_column_count;

/* By --sort's word or by a key on the screen; NULL: there is none. */
const struct top_column *top_column_named(const char *key);
const struct top_column *top_column_lettered(char letter);

void top_column_write(const struct top_column *column, const struct top_function *function,
                      char text[TOP_CELL_SIZE]);

/* The functions whose names have `filter` in them, the largest first, and of the same by name; texts in their
 * order. The caller frees the array, whose items are the sample's. */
const struct top_function **top_order(const struct top_sample *sample, const struct top_column *column,
                                      const char *filter, size_t *ret_count);

/* Which columns a screen has room for: those with room[i]. Returns how wide the first one, the name's, is. */
unsigned top_columns_fit(unsigned screen_columns, bool *ret_room);

#endif
