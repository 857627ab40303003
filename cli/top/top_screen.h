/* `berth top` on a terminal, by ncurses. One at a time. */
#ifndef CLI_TOP_TOP_SCREEN_H
#define CLI_TOP_TOP_SCREEN_H

#include "cli/top/top_columns.h"

/* What the user has chosen, and what there is to see. */
struct top_view {
    struct top_sample sample;
    const struct top_column *column; /* sorted by */
    char filter[64];
    bool is_filtering; /* keys go into the filter */
    size_t first; /* of the functions on the screen */
    uint64_t away_s; /* for so long no daemon has answered */
};

/* Takes the terminal. -1: it is none that ncurses knows. */
int top_screen_begin(void);

/* Gives it back as it was. */
void top_screen_end(void);

/* Draws all of it anew, for the size that the terminal has. */
void top_screen_draw(struct top_view *view);

/* For input on the terminal: takes the keys that were typed. False: the user wants to end it, or the terminal
 * is gone. */
bool top_screen_keys(struct top_view *view);

#endif
