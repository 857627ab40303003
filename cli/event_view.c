#include "cli/event_view.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "cli/members.h"
#include "cli/say.h"
#include "config/diagnostic.h"

#include <stdio.h>
#include <string.h>

#define RENDERED_MAX (1u << 16)
#define SHORT_DIGITS 4 /* of a revision */

static const char *field(const json_t *event, const char *name)
{
    return member_text(event, name);
}

/* --- phases --- */

static void print_phase(const struct event_view *view, const char *text, const char *detail)
{
    double seconds = (double)(clock_ms() - view->began_ms) / 1e3;
    bool has_both = *text && *detail;
    printf("%s%7.2f s%s  %s%s%s\n", colour_begin(stdout, COLOUR_DIM), seconds, colour_end(stdout), text,
           has_both ? " " : "", detail);
}

static void on_started(struct event_view *view, const json_t *event)
{
    print_phase(view, "reads", field(event, "config"));
}

static void on_engine(struct event_view *view, const json_t *event)
{
    print_phase(view, "Docker answers, API", field(event, "api"));
}

static void on_plugin(struct event_view *view, const json_t *event)
{
    print_phase(view, "language", field(event, "plugin"));
}

static void on_image(struct event_view *view, const json_t *event)
{
    print_phase(view, "builds the image of", field(event, "runtime"));
}

static void on_image_built(struct event_view *view, const json_t *event)
{
    print_phase(view, "has built the image of", field(event, "runtime"));
}

static void on_install(struct event_view *view, const json_t *event)
{
    print_phase(view, "installs the dependencies of", field(event, "function"));
}

static void on_installed(struct event_view *view, const json_t *event)
{
    print_phase(view, "has installed the dependencies of", field(event, "function"));
}

static void on_listening(struct event_view *view, const json_t *event)
{
    const char *address = field(event, "functions"), *port = strrchr(address, ':');
    if (port)
        snprintf(view->address, sizeof(view->address), "http://localhost%s", port);
}

static void on_ready(struct event_view *view, const json_t *event)
{
    char text[192];
    long long count = member_number(event, "count");
    snprintf(text, sizeof(text), "ready: %lld function%s, %s/<name>%s   (Ctrl-C ends)\n", count,
             count == 1 ? "" : "s", view->address, colour_end(stdout));
    print_phase(view, colour_begin(stdout, COLOUR_GREEN), text);
}

static void on_draining(struct event_view *view, const json_t *event)
{
    (void)event;
    print_phase(view, "finishes what is under way, then ends", "");
}

/* --- functions --- */

static void on_finding(struct event_view *view, const json_t *event)
{
    (void)view;
    struct diagnostic item;
    if (diagnostic_from_json(event, &item) < 0)
        return;
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, RENDERED_MAX);
    diagnostic_render(&item, &text);
    printf("%s%s%s", colour_begin(stdout, COLOUR_RED), strbuf_text(&text), colour_end(stdout));
    diagnostic_clear(&item);
}

static void on_problem(struct event_view *view, const json_t *event)
{
    (void)view;
    bool serves = strcmp(field(event, "serving"), "nothing") != 0;
    printf("%s%s %s%s\n", colour_begin(stdout, serves ? COLOUR_YELLOW : COLOUR_RED), field(event, "function"),
           serves ? "goes on with its former revision" : "cannot be called", colour_end(stdout));
    if (strcmp(field(event, "reason"), "invalid-function") != 0) /* else its findings have been shown */
        printf("  %s: %s\n", field(event, "reason"), field(event, "error"));
}

static void on_revision(struct event_view *view, const json_t *event)
{
    (void)view;
    if (strcmp(field(event, "to"), "active") == 0)
        printf("%s%s is live%s, revision %.*s\n", colour_begin(stdout, COLOUR_GREEN),
               field(event, "function"), colour_end(stdout), SHORT_DIGITS, field(event, "revision"));
}

static void on_rollback(struct event_view *view, const json_t *event)
{
    (void)view;
    printf("%s%s was rolled back%s to revision %.*s, until its files or settings change\n",
           colour_begin(stdout, COLOUR_YELLOW), field(event, "function"), colour_end(stdout), SHORT_DIGITS,
           field(event, "revision"));
}

static void on_mended(struct event_view *view, const json_t *event)
{
    (void)view;
    printf("%s%s is as it was%s, and serves on\n", colour_begin(stdout, COLOUR_GREEN),
           field(event, "function"), colour_end(stdout));
}

static void on_instance_failed(struct event_view *view, const json_t *event)
{
    (void)view;
    printf("%s%s: an instance was lost%s: %s\n", colour_begin(stdout, COLOUR_RED), field(event, "function"),
           colour_end(stdout), field(event, "error"));
}

static void on_call_dead(struct event_view *view, const json_t *event)
{
    (void)view;
    printf("%s%s: an async call was given up%s: %s, berth why %s\n", colour_begin(stdout, COLOUR_RED),
           field(event, "function"), colour_end(stdout), field(event, "reason"), field(event, "call"));
}

/* --- requests and output --- */

static enum colour status_colour(long status)
{
    if (status >= 500 || status == 0)
        return COLOUR_RED;
    return status >= 400 ? COLOUR_YELLOW : COLOUR_GREEN;
}

/* POST /img 200 41ms cold=6ms rev=3f2a #id */
static void on_request(struct event_view *view, const json_t *event)
{
    (void)view;
    const char *reason = field(event, "reason");
    long status = (long)member_number(event, "status");
    printf("%s %s %s%ld%s %.0fms", field(event, "method"), field(event, "path"),
           colour_begin(stdout, status_colour(status)), status, colour_end(stdout),
           json_number_value(json_object_get(event, "ms")));
    if (member_number(event, "cold") == 1)
        printf(" cold=%.0fms", json_number_value(json_object_get(event, "wait_ms")));
    if (*field(event, "revision"))
        printf(" rev=%.*s", SHORT_DIGITS, field(event, "revision"));
    printf("%s%s %s#%s%s\n", *reason ? " " : "", reason, colour_begin(stdout, COLOUR_DIM),
           field(event, "request_id"), colour_end(stdout));
}

static void on_output(struct event_view *view, const json_t *event)
{
    (void)view;
    bool is_error = strcmp(field(event, "stream"), "stdout") != 0;
    printf("  %s%s |%s %s\n", colour_begin(stdout, is_error ? COLOUR_YELLOW : COLOUR_DIM),
           field(event, "function"), colour_end(stdout), field(event, "text"));
}

/* --- all of them --- */

static const struct {
    const char *event;
    void (*print)(struct event_view *view, const json_t *event);
} rows[] = {
    {"daemon.started", on_started},
    {"engine.reached", on_engine},
    {"plugin.found", on_plugin},
    {"image.build", on_image},
    {"image.built", on_image_built},
    {"dependencies.install", on_install},
    {"dependencies.installed", on_installed},
    {"daemon.listening", on_listening},
    {"daemon.ready", on_ready},
    {"daemon.draining", on_draining},
    {"config.diagnostic", on_finding},
    {"config.restart-needed", on_finding},
    {"function.diagnostic", on_finding},
    {"function.problem", on_problem},
    {"revision.state", on_revision},
    {"rollback.done", on_rollback},
    {"function.mended", on_mended},
    {"instance.failed", on_instance_failed},
    {"call.dead", on_call_dead},
    {"gateway.request", on_request},
    {"function.output", on_output},
};

/* Of what there is no line for only warnings and errors are shown. */
static void print_other(const json_t *event)
{
    const char *level = field(event, "level"), *error = field(event, "error"), *hint = field(event, "hint");
    bool is_error = strcmp(level, "error") == 0;
    if (!is_error && strcmp(level, "warning") != 0)
        return;
    printf("%s%s%s %s\n", colour_begin(stdout, is_error ? COLOUR_RED : COLOUR_YELLOW), field(event, "event"),
           colour_end(stdout), error);
    if (*hint)
        printf("  %s\n", hint);
}

void event_view_print(struct event_view *view, const json_t *event)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].event, field(event, "event")) == 0) {
            rows[i].print(view, event);
            return;
        }
    }
    print_other(event);
}
