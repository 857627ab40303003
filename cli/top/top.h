/* The two ways of `berth top`. */
#ifndef CLI_TOP_TOP_H
#define CLI_TOP_TOP_H

#include "cli/command.h"
#include "cli/top/top_columns.h"

#define TOP_PATH "/berth/functions" /* where the management API has it all */

/* What the command line asks for. */
struct top_wish {
    const struct arguments *arguments;
    uint64_t interval_ms;
    const struct top_column *column; /* to sort by */
    const char *filter;
};

/* Asks the daemon now. `enum status`: what is wrong is said. The caller clears *ret_sample. */
int top_ask(const struct arguments *arguments, struct top_sample *ret_sample);

/* Prints one table, or JSON, of an interval. */
int top_show_once(const struct top_wish *wish);

/* On the terminal that standard input and output are, until the user ends it. */
int top_show_live(const struct top_wish *wish);

#endif
