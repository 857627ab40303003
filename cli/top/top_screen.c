#include "cli/top/top_screen.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/say.h"

#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LINE_MAX_BYTES 4096
#define TITLE_LINE     2
#define FIRST_LINE     3 /* of functions */
#define KEY_ESCAPE     27
#define KEY_RUBOUT     127
#define ESCAPE_WAIT_MS 25

enum pair { PAIR_WRONG = 1, PAIR_WAITING };

static SCREEN *screen;

int top_screen_begin(void)
{
    setlocale(LC_CTYPE, "");
    screen = newterm(NULL, stdout, stdin);
    if (!screen)
        return -1;
    set_escdelay(ESCAPE_WAIT_MS);
    cbreak();
    noecho();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    curs_set(0);
    const char *no_color = getenv("NO_COLOR");
    if (!(no_color && *no_color) && start_color() == OK) {
        use_default_colors();
        init_pair(PAIR_WRONG, COLOR_RED, -1);
        init_pair(PAIR_WAITING, COLOR_YELLOW, -1);
    }
    return 0;
}

void top_screen_end(void)
{
    if (!screen)
        return;
    endwin();
    delscreen(screen);
    screen = NULL;
}

/* --- drawing --- */

static unsigned row_count(void)
{
    return LINES > FIRST_LINE + 1 ? (unsigned)(LINES - FIRST_LINE - 1) : 1;
}

static void put_line(int y, attr_t attributes, const char *text)
{
    attron(attributes);
    mvaddnstr(y, 0, text, text_bytes(text, (size_t)COLS));
    attroff(attributes);
}

static void draw_sum(const struct top_view *view)
{
    char line[512], requests[TOP_CELL_SIZE], errors[TOP_CELL_SIZE], memory[TOP_CELL_SIZE];
    const struct top_function sum = top_sample_sum(&view->sample);
    top_column_write(top_column_named("requests_per_s"), &sum, requests);
    top_column_write(top_column_named("errors_per_s"), &sum, errors);
    top_column_write(top_column_named("memory_bytes"), &sum, memory);
    snprintf(line, sizeof(line),
             "%zu functions   %s requests/s   %s errors/s   %u instances, %u starting   %u waiting   %s",
             view->sample.count, requests, errors, sum.ready + sum.starting, sum.starting, sum.waiting,
             memory);
    put_line(0, A_BOLD, line);
}

static void draw_state(const struct top_view *view, size_t count)
{
    char line[256] = "";
    if (view->away_s > 0) {
        snprintf(line, sizeof(line), "no daemon has answered for %llu s; asks again, below is what was known",
                 (unsigned long long)view->away_s);
        put_line(1, A_BOLD | COLOR_PAIR(PAIR_WRONG), line);
        return;
    }
    if (*view->filter)
        snprintf(line, sizeof(line), "%zu of them have \"%s\" in their name", count, view->filter);
    put_line(1, A_NORMAL, line);
}

static void append_cell(struct strbuf *line, const struct top_column *column, unsigned width,
                        const char *text)
{
    const size_t own = text_width(text), padding = own < width ? width - own : 0;
    if (column->value)
        strbuf_append_format(line, "%*s", (int)padding, "");
    strbuf_append(line, text, (size_t)text_bytes(text, width));
    if (!column->value)
        strbuf_append_format(line, "%*s", (int)padding, "");
}

/* The mark of the column that is sorted by stands in the gap before its title. */
static void draw_titles(const struct top_view *view, const bool *room, unsigned name_width)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    for (size_t i = 0; i < top_column_count; i++) {
        const struct top_column *column = &top_columns[i];
        const char *mark = column == view->column ? "*" : i == 0 ? "" : " ";
        char title[TOP_CELL_SIZE];
        if (!room[i])
            continue;
        snprintf(title, sizeof(title), "%s%s", mark, column->title + (column->title[0] == '>'));
        if (i > 0)
            strbuf_append_format(&line, "%*s", TOP_GAP - 1, "");
        append_cell(&line, column, i == 0 ? name_width : column->width + 1, title);
    }
    put_line(TITLE_LINE, A_REVERSE, strbuf_text(&line));
}

static attr_t attributes_of(const struct top_function *function)
{
    if (!function->is_callable || function->errors_per_s > 0)
        return COLOR_PAIR(PAIR_WRONG);
    if (function->waiting > 0)
        return COLOR_PAIR(PAIR_WAITING);
    return function->ready + function->starting > 0 ? A_NORMAL : A_DIM;
}

static void draw_function(int y, const struct top_function *function, const bool *room, unsigned name_width)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    for (size_t i = 0; i < top_column_count; i++) {
        char text[TOP_CELL_SIZE];
        if (!room[i])
            continue;
        top_column_write(&top_columns[i], function, text);
        if (i > 0)
            strbuf_append_format(&line, "%*s", TOP_GAP, "");
        append_cell(&line, &top_columns[i], i == 0 ? name_width : top_columns[i].width, text);
    }
    put_line(y, attributes_of(function), strbuf_text(&line));
}

static void draw_keys(const struct top_view *view)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    if (view->is_filtering) {
        strbuf_append_format(&line, "names with: %s_   (Enter keeps it, Esc drops it)", view->filter);
    } else {
        strbuf_append_text(&line, "q quit  / filter  sort by");
        for (size_t i = 0; i < top_column_count; i++) {
            if (top_columns[i].letter)
                strbuf_append_format(&line, "%s %c %s", i == 0 ? "" : ",", top_columns[i].letter,
                                     top_columns[i].word);
        }
    }
    put_line(LINES - 1, A_BOLD, strbuf_text(&line));
}

/* As many as there are, and not beyond the last screenful. */
static void keep_in_range(struct top_view *view, size_t count)
{
    const size_t rows = row_count(), last = count > rows ? count - rows : 0;
    if (view->first > last)
        view->first = last;
}

static void fit_to_terminal(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0 &&
        (size.ws_row != LINES || size.ws_col != COLS))
        resizeterm(size.ws_row, size.ws_col);
}

void top_screen_draw(struct top_view *view)
{
    bool room[TOP_COLUMNS_MAX];
    size_t count;
    fit_to_terminal();
    const unsigned name_width = top_columns_fit((unsigned)COLS, room);
    cleanup_free const struct top_function **order =
        top_order(&view->sample, view->column, view->filter, &count);
    keep_in_range(view, count);
    erase();
    draw_sum(view);
    draw_state(view, count);
    draw_titles(view, room, name_width);
    for (size_t row = 0; row < row_count() && view->first + row < count; row++)
        draw_function(FIRST_LINE + (int)row, order[view->first + row], room, name_width);
    draw_keys(view);
    refresh();
}

/* --- keys --- */

static void edit_filter(struct top_view *view, int key)
{
    const size_t length = strlen(view->filter);
    if (key == KEY_ESCAPE)
        view->filter[0] = '\0';
    if (key == KEY_ESCAPE || key == '\n' || key == '\r' || key == KEY_ENTER)
        view->is_filtering = false;
    else if ((key == KEY_BACKSPACE || key == KEY_RUBOUT || key == '\b') && length > 0)
        view->filter[length - 1] = '\0';
    else if (key > ' ' && key < KEY_RUBOUT && length + 1 < sizeof(view->filter))
        view->filter[length] = (char)key, view->filter[length + 1] = '\0';
}

static void scroll_to(struct top_view *view, int key)
{
    const size_t page = row_count();
    size_t back = 0;
    if (key == KEY_DOWN)
        view->first++;
    else if (key == KEY_NPAGE)
        view->first += page;
    else if (key == KEY_END)
        view->first = view->sample.count;
    else if (key == KEY_HOME)
        back = view->first;
    else if (key == KEY_UP || key == KEY_PPAGE)
        back = key == KEY_UP ? 1 : page;
    view->first -= back < view->first ? back : view->first;
}

static bool take_key(struct top_view *view, int key)
{
    const struct top_column *column = key < KEY_RUBOUT ? top_column_lettered((char)key) : NULL;
    if (view->is_filtering) {
        edit_filter(view, key);
        return true;
    }
    if (key == '/')
        view->is_filtering = true;
    else if (key == KEY_ESCAPE)
        view->filter[0] = '\0';
    else if (column)
        view->column = column;
    else
        scroll_to(view, key);
    return key != 'q' && key != 'Q';
}

bool top_screen_keys(struct top_view *view)
{
    int waiting = 0, key;
    if (ioctl(STDIN_FILENO, FIONREAD, &waiting) < 0 || waiting == 0)
        return false;
    while ((key = getch()) != ERR) {
        if (!take_key(view, key))
            return false;
    }
    top_screen_draw(view);
    return true;
}
