#include "docker/events.h"

#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/call.h"
#include "docker/json_lines.h"

#include <stdlib.h>

struct events {
    struct docker_call *call;
    struct json_lines lines;
    struct docker_events_callbacks callbacks;
};

/* The exit code is text among the attributes. */
static int exit_code_of(const struct docker_labels *attributes)
{
    const char *text = docker_label(attributes, "exitCode");
    if (!text || *text < '0' || *text > '9')
        return -1;
    char *end;
    long code = strtol(text, &end, 10);
    return *end || code > 255 ? -1 : (int)code;
}

static int take_event(void *owner, const json_t *object, struct error *err)
{
    (void)err;
    struct events *events = owner;
    const json_t *actor = json_object_get(object, "Actor");
    const struct docker_labels *attributes = answer_labels(actor, "Attributes");
    const char *name = docker_label(attributes, "name");
    struct docker_event event = {
        .type = answer_text(object, "Type"),
        .action = answer_text(object, "Action"),
        .id = answer_text(actor, "ID"),
        .name = name ? name : "",
        .exit_code = exit_code_of(attributes),
        .time_ns = answer_integer(object, "timeNano"),
        .attributes = attributes,
    };
    if (!events->call->cancelled && *event.action && *event.id)
        events->callbacks.event(events->call->owner, &event);
    return 0;
}

static int receive_events(struct docker_call *call, const char *bytes, size_t size, struct error *err)
{
    struct events *events = call->state;
    return json_lines_feed(&events->lines, bytes, size, err);
}

static void open_events(struct docker_call *call)
{
    struct events *events = call->state;
    if (events->callbacks.opened)
        events->callbacks.opened(call->owner);
}

static void finish_events(struct docker_call *call, const struct error *err)
{
    struct events *events = call->state;
    struct error end_err;
    if (!err) {
        error_set(&end_err, ERROR_DOCKER_UNREACHABLE, "the Docker Engine ended its event stream");
        err = &end_err;
    }
    events->callbacks.done(call->owner, err);
}

static void clear_events(struct docker_call *call)
{
    struct events *events = call->state;
    json_lines_clear(&events->lines);
    free(events);
}

static struct docker_call *begin(struct docker *docker, const struct docker_events_callbacks *callbacks,
                                 void *owner)
{
    static const struct docker_kind kind = {.verb = "follow",
                                            .unlimited = true,
                                            .finish = finish_events,
                                            .receive = receive_events,
                                            .opened = open_events,
                                            .clear = clear_events};
    struct docker_call *call = docker_call_create(docker, &kind, "the engine's events", owner);
    struct events *events = xcalloc(1, sizeof(*events));
    events->call = call;
    events->callbacks = *callbacks;
    json_lines_init(&events->lines, take_event, events);
    call->state = events;
    docker_call_request(call, "GET", "/events", NULL, NULL, NULL);
    return call;
}

struct docker_call *docker_events_follow(struct docker *docker, const char *const *labels, int64_t since_ns,
                                         const struct docker_events_callbacks *callbacks, void *owner)
{
    struct docker_call *call = begin(docker, callbacks, owner);
    docker_call_query_labels(call, labels, "container");
    if (since_ns > 0)
        docker_call_query_time(call, "since", since_ns);
    return docker_call_submit(call);
}

struct docker_call *docker_events_follow_networks(struct docker *docker,
                                                  const struct docker_events_callbacks *callbacks,
                                                  void *owner)
{
    struct docker_call *call = begin(docker, callbacks, owner);
    docker_call_query_json(call, "filters",
                           json_pack("{s:[s, s], s:[s, s, s, s]}", "type", "container", "network", "event",
                                     "start", "die", "create", "destroy"));
    return docker_call_submit(call);
}
