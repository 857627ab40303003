#include "base/alloc.h"
#include "base/background.h"
#include "base/clock.h"
#include "cli/client.h"
#include "cli/say.h"
#include "cli/top/top.h"
#include "cli/top/top_screen.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

struct top {
    const struct top_wish *wish;
    struct event_base *base;
    struct background *background;
    struct event *timer, *keys, *resized, *ends[3];
    struct top_view view;
    uint64_t answered_ms; /* when the daemon did last */
    bool is_asking;
};

/* A question on its way: the thread's, until it is done. */
struct question {
    struct top *top;
    json_t *answer; /* NULL: there was none */
    uint64_t at_ns;
};

static void ask(void *context)
{
    struct question *question = context;
    if (client_poll(question->top->wish->arguments, TOP_PATH, &question->answer) != CLIENT_POLL_ANSWERED)
        question->answer = NULL;
    question->at_ns = clock_ns();
}

static void take_sample(struct top *top, const struct question *question)
{
    struct top_sample sample;
    if (!question->answer || top_sample_read(question->answer, question->at_ns, &sample) < 0) {
        const uint64_t away_s = (clock_ms() - top->answered_ms) / 1000;
        top->view.away_s = away_s > 0 ? away_s : 1;
        return;
    }
    top_sample_compare(&sample, &top->view.sample);
    top_sample_clear(&top->view.sample);
    top->view.sample = sample;
    top->view.away_s = 0;
    top->answered_ms = clock_ms();
}

static void take_answer(void *context, bool ran)
{
    struct question *question = context;
    struct top *top = question->top;
    if (ran) {
        top->is_asking = false;
        take_sample(top, question);
        top_screen_draw(&top->view);
    }
    json_decref(question->answer);
    free(question);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct top *top = context;
    if (top->is_asking)
        return;
    struct question *question = xcalloc(1, sizeof(*question));
    question->top = top;
    top->is_asking = true;
    background_run(top->background, ask, take_answer, question);
}

static void on_keys(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct top *top = context;
    if (!top_screen_keys(&top->view))
        event_base_loopbreak(top->base);
}

static void on_resized(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct top *top = context;
    top_screen_draw(&top->view);
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    event_base_loopbreak(context);
}

static void make_events(struct top *top)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    const struct timeval interval = {.tv_sec = (time_t)(top->wish->interval_ms / 1000),
                                     .tv_usec = (suseconds_t)(top->wish->interval_ms % 1000 * 1000)};
    top->timer = event_new(top->base, -1, EV_PERSIST, on_timer, top);
    top->keys = event_new(top->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_keys, top);
    top->resized = evsignal_new(top->base, SIGWINCH, on_resized, top);
    event_add(top->timer, &interval);
    event_add(top->keys, NULL);
    event_add(top->resized, NULL);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        top->ends[i] = evsignal_new(top->base, numbers[i], on_end, top->base);
        event_add(top->ends[i], NULL);
    }
}

static void clear(struct top *top)
{
    struct event *const events[] = {top->timer,   top->keys,    top->resized,
                                    top->ends[0], top->ends[1], top->ends[2]};
    background_destroy(top->background);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        if (events[i])
            event_free(events[i]);
    }
    if (top->base)
        event_base_free(top->base);
    top_sample_clear(&top->view.sample);
}

static int run_screen(struct top *top)
{
    if (top_screen_begin() < 0) {
        say_wrong("nothing can be drawn on this terminal (TERM is %s)",
                  getenv("TERM") ? getenv("TERM") : "not set");
        say_next("berth top --once prints a table");
        return STATUS_FAILED;
    }
    make_events(top);
    top_screen_draw(&top->view);
    event_base_dispatch(top->base);
    top_screen_end();
    return STATUS_OK;
}

int top_show_live(const struct top_wish *wish)
{
    struct top top = {.wish = wish, .view.column = wish->column, .answered_ms = clock_ms()};
    struct error err;
    int status = top_ask(wish->arguments, &top.view.sample);
    if (status != STATUS_OK)
        return status;
    snprintf(top.view.filter, sizeof(top.view.filter), "%s", wish->filter);
    top.base = event_base_new();
    if (background_create(top.base, &top.background, &err) == 0) {
        status = run_screen(&top);
    } else {
        say_wrong("%s", err.message);
        status = STATUS_FAILED;
    }
    clear(&top);
    return status;
}
