#include "cli/load/load_view.h"

#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define LABEL_COLUMNS  9 /* in front of a chart */
#define CHART_MAX      120
#define RATE_ROWS      4
#define INSTANCE_ROWS  2

void load_view_init(struct load_view *view, bool is_quiet)
{
    const char *terminal = getenv("TERM");
    const bool is_able = terminal && *terminal && strcmp(terminal, "dumb") != 0;
    *view = (struct load_view){.is_quiet = is_quiet,
                               .is_live = !is_quiet && is_able && isatty(STDERR_FILENO),
                               .is_utf8 = screen_is_utf8()};
}

/* --- the block of lines --- */

/* Without the terminal's own wrapping a line is one even where the screen has become narrower meanwhile. */
static void begin_block(struct load_view *view)
{
    fputs("\033[?7l\r", stderr);
    if (view->lines > 0)
        fprintf(stderr, "\033[%uA", view->lines);
    fputs("\033[J", stderr);
    view->lines = 0;
}

/* What a low screen has no room for is left out: lines that have left it cannot be drawn anew. */
static void put_line(struct load_view *view, struct strbuf *line)
{
    const unsigned width = screen_width(STDERR_FILENO);
    if (view->lines + 1 < screen_height(STDERR_FILENO)) {
        fprintf(stderr, "%.*s\n", text_bytes(strbuf_text(line), width), strbuf_text(line));
        view->lines++;
    }
    strbuf_reset(line);
}

static void end_block(void)
{
    fputs("\033[?7h", stderr);
    fflush(stderr);
}

/* --- charts --- */

/* A row is written as wide as the screen is. */
static void put_chart(struct load_view *view, struct chart *chart, const char *title, struct strbuf *line)
{
    const unsigned width = screen_width(STDERR_FILENO);
    const unsigned columns = width > LABEL_COLUMNS + 1 ? width - LABEL_COLUMNS : 1;
    chart->columns = columns < CHART_MAX ? columns : CHART_MAX;
    chart->is_utf8 = view->is_utf8;
    strbuf_append_format(line, "  %s", title);
    put_line(view, line);
    for (unsigned row = 0; row < chart->rows; row++) {
        char label[24] = "";
        if (row == 0)
            snprintf(label, sizeof(label), "%.0f", chart_most(chart));
        strbuf_append_format(line, "%7.7s%s", label, view->is_utf8 ? " │" : " |");
        chart_write_row(chart, row, line);
        put_line(view, line);
    }
}

static void put_charts(struct load_view *view, const struct load_plan *plan, struct strbuf *line)
{
    const size_t planned = (plan->duration_ms + LOAD_TICK_MS - 1) / LOAD_TICK_MS;
    struct chart rates = {.series = &view->rates, .planned = planned, .rows = RATE_ROWS};
    struct chart instances = {
        .series = &view->instances, .planned = planned, .rows = INSTANCE_ROWS, .is_peaks = true};
    put_chart(view, &rates, "requests/s", line);
    put_chart(view, &instances, "instances", line);
}

/* --- the numbers above them --- */

static void put_title(struct load_view *view, const struct load_progress *progress, struct strbuf *line)
{
    const struct load_plan *plan = progress->plan;
    strbuf_append_format(line, "%s   ", plan->function);
    if (progress->is_ending)
        strbuf_append_format(line, "waits for the last %u answers (Ctrl-C: not)", progress->in_flight);
    else
        strbuf_append_format(line, "%.1f s of %g s (Ctrl-C ends it)", (double)progress->elapsed_ms / 1e3,
                             (double)plan->duration_ms / 1e3);
    strbuf_append_format(line, "   %u connections", plan->connections);
    if (plan->rate > 0)
        strbuf_append_format(line, ", %g requests/s", plan->rate);
    put_line(view, line);
}

static void put_numbers(struct load_view *view, const struct load_progress *progress, struct strbuf *line)
{
    const struct function_state *function = progress->function;
    strbuf_append_format(line, "  requests   %.0f/s   %llu in all   %u in flight   %llu failed", view->rate,
                         (unsigned long long)progress->tally->ended, progress->in_flight,
                         (unsigned long long)progress->tally->failed);
    if (progress->overdue > 0)
        strbuf_append_format(line, "   %llu late", (unsigned long long)progress->overdue);
    put_line(view, line);
    strbuf_append_format(line, "  latency    p50 %.2f ms   p99 %.2f ms   (the last second)", view->p50_ms,
                         view->p99_ms);
    put_line(view, line);
    if (function->is_known)
        strbuf_append_format(line, "  instances  %u, %u of them ready   %u slots busy   %u requests wait",
                             function->instances, function->ready, function->busy, function->waiting);
    else
        strbuf_append_text(line, "  instances  the daemon does not answer");
    put_line(view, line);
}

static void draw(struct load_view *view, const struct load_progress *progress)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    begin_block(view);
    put_title(view, progress, &line);
    put_numbers(view, progress, &line);
    put_charts(view, progress->plan, &line);
    end_block();
}

/* --- without a terminal --- */

static void print_line(const struct load_view *view, const struct load_progress *progress)
{
    fprintf(stderr, "%5.0f s  %9.1f requests/s  p50 %.2f ms  p99 %.2f ms  %llu failed  ",
            (double)progress->elapsed_ms / 1e3, view->rate, view->p50_ms, view->p99_ms,
            (unsigned long long)progress->tally->failed);
    if (progress->function->is_known)
        fprintf(stderr, "%u instances\n", progress->function->instances);
    else
        fputs("the daemon does not answer\n", stderr);
}

/* --- over time --- */

static double rate_of(uint64_t requests, uint64_t ms)
{
    return ms > 0 ? (double)requests * 1e3 / (double)ms : 0;
}

static void take_second(struct load_view *view, const struct load_progress *progress)
{
    const struct load_tally *tally = progress->tally;
    view->rate = rate_of(tally->ended - view->second_ended, progress->elapsed_ms - view->second_elapsed_ms);
    view->p50_ms = (double)latencies_at(&tally->second, 0.5) / 1e6;
    view->p99_ms = (double)latencies_at(&tally->second, 0.99) / 1e6;
    view->second_ended = tally->ended;
    view->second_elapsed_ms = progress->elapsed_ms;
}

void load_view_tick(struct load_view *view, const struct load_progress *progress, bool is_second)
{
    if (is_second)
        take_second(view, progress);
    series_add(&view->rates, rate_of(progress->tally->ended - view->last_ended,
                                     progress->elapsed_ms - view->last_elapsed_ms));
    series_add(&view->instances, progress->function->instances);
    view->last_ended = progress->tally->ended;
    view->last_elapsed_ms = progress->elapsed_ms;
    if (view->is_live)
        draw(view, progress);
    else if (is_second && !view->is_quiet)
        print_line(view, progress);
}

void load_view_end(struct load_view *view, const struct load_plan *plan)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, LINE_MAX_BYTES);
    if (!view->is_live)
        return;
    begin_block(view);
    put_charts(view, plan, &line);
    put_line(view, &line);
    end_block();
}

void load_view_clear(struct load_view *view)
{
    series_clear(&view->rates);
    series_clear(&view->instances);
}
