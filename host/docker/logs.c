#include "base/alloc.h"
#include "docker/call.h"
#include "docker/log_frames.h"

#include <stdlib.h>

struct logs {
    struct docker_call *call;
    struct log_frames frames;
    docker_line_fn *line;
};

static void pass_line(void *owner, const struct docker_line *line)
{
    struct logs *logs = owner;
    if (!logs->call->cancelled)
        logs->line(logs->call->owner, line);
}

static int receive_logs(struct docker_call *call, const char *bytes, size_t size, struct error *err)
{
    struct logs *logs = call->state;
    return log_frames_feed(&logs->frames, bytes, size, err);
}

static void finish_logs(struct docker_call *call, const struct error *err)
{
    struct logs *logs = call->state;
    struct error end_err;
    if (log_frames_end(&logs->frames, &end_err) < 0 && !err)
        err = &end_err;
    if (!call->cancelled)
        call->callback.done(call->owner, err);
}

static void clear_logs(struct docker_call *call)
{
    struct logs *logs = call->state;
    log_frames_clear(&logs->frames);
    free(logs);
}

struct docker_call *docker_container_logs(struct docker *docker, const char *id,
                                          const struct docker_logs *options, docker_line_fn *line,
                                          docker_done_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "read the log of container",
                                            .unlimited = true,
                                            .finish = finish_logs,
                                            .receive = receive_logs,
                                            .clear = clear_logs};
    struct docker_call *call = docker_call_create(docker, &kind, id, owner);
    struct logs *logs = xcalloc(1, sizeof(*logs));
    logs->call = call;
    logs->line = line;
    log_frames_init(&logs->frames, pass_line, logs);
    call->state = logs;
    call->callback.done = done;

    char tail[16] = "all";
    if (options->tail >= 0)
        snprintf(tail, sizeof(tail), "%d", options->tail);
    docker_call_request(call, "GET", "/containers/", id, NULL, "/logs");
    docker_call_query(call, "stdout", "1");
    docker_call_query(call, "stderr", "1");
    docker_call_query(call, "follow", options->follow ? "1" : "0");
    docker_call_query(call, "tail", tail);
    return docker_call_submit(call);
}
