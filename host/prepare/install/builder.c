#include "prepare/install/builder.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "docker/container.h"
#include "prepare/install/builder_container.h"
#include "prepare/install/builder_disk.h"
#include "prepare/process/cause_line.h"
#include "prepare/process/host_environment.h"
#include "prepare/process/line_tail.h"
#include "prepare/process/shown_line.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#define LAST_LINES_MS 5000 /* of silence, after which the container's output is taken to be all there is */
#define STREAMS       2
#define WATCH_MS      250

/* Through a container's life, then measured for the last time; from any of them to the end by way of the
 * container's removal. */
enum state { CREATING, STARTING, RUNNING, LAST_LINES, EXAMINING, REMOVING, MEASURING };

static const char *const state_names[] = {
    [CREATING] = "creating",     [STARTING] = "starting",   [RUNNING] = "running",
    [LAST_LINES] = "last-lines", [EXAMINING] = "examining", [REMOVING] = "removing",
    [MEASURING] = "measuring",
};

struct builder {
    struct docker *docker;
    struct builder_hooks hooks;
    void *context;
    enum state state;
    struct builder_limits limits;
    char *key, *staged;
    char *container; /* its id, or NULL */
    struct docker_call *call, *logs, *wait;
    struct builder_disk *disk;
    struct event *limit, *watch;
    struct line_tail out, err; /* the streams' last lines; their order among each other is not known */
    struct cause_line cause;
    size_t followed[STREAMS], read_again[STREAMS]; /* lines of each stream */
    uint64_t started_ms;
    int exit_code;
    bool failed;
    struct error error;
};

static void set_state(struct builder *builder, enum state state)
{
    log_debug("builder.state", LOG_STR("key", builder->key), LOG_STR("from", state_names[builder->state]),
              LOG_STR("to", state_names[state]));
    builder->state = state;
}

void builder_destroy(struct builder *builder)
{
    if (!builder)
        return;
    docker_cancel(builder->call);
    docker_cancel(builder->logs);
    docker_cancel(builder->wait);
    builder_disk_destroy(builder->disk);
    if (builder->limit)
        event_free(builder->limit);
    if (builder->watch)
        event_free(builder->watch);
    free(builder->key);
    free(builder->staged);
    free(builder->container);
    free(builder);
}

/* --- the end --- */

static void finish(struct builder *builder)
{
    const struct builder_hooks hooks = builder->hooks;
    void *context = builder->context;
    struct error error = builder->error;
    bool failed = builder->failed;
    builder_destroy(builder);
    hooks.done(context, failed ? &error : NULL);
}

static void on_last_measured(void *owner, const struct error *err)
{
    struct builder *builder = owner;
    if (err && !builder->failed) {
        builder->failed = true;
        builder->error = *err;
    }
    finish(builder);
}

static void on_removed(void *owner, const struct error *err)
{
    struct builder *builder = owner;
    builder->call = NULL;
    if (err && err->code != ERROR_NOT_FOUND)
        log_warning("dependencies.container_left", LOG_STR("container", builder->container), LOG_ERR(err));
    if (builder->failed) {
        finish(builder);
        return;
    }
    set_state(builder, MEASURING);
    builder_disk_measure(builder->disk, on_last_measured, builder);
}

/* Goes to the end by way of the container's removal. */
static void remove_container(struct builder *builder)
{
    docker_cancel(steal(&builder->logs));
    docker_cancel(steal(&builder->wait));
    event_del(builder->limit);
    event_del(builder->watch);
    set_state(builder, REMOVING);
    builder->call = docker_container_remove(builder->docker, builder->container, true, on_removed, builder);
}

/* Ends it with builder->error. While the engine is creating the container it has to wait for its id; while it
 * is removed or measured, for that. */
static void fail(struct builder *builder)
{
    builder->failed = true;
    switch (builder->state) {
    case STARTING:
    case EXAMINING:
        docker_cancel(steal(&builder->call));
        remove_container(builder);
        break;
    case RUNNING:
    case LAST_LINES:
        remove_container(builder);
        break;
    default:
        break;
    }
}

void builder_stop(struct builder *builder, const struct error *err)
{
    if (builder->failed)
        return;
    builder->error = *err;
    fail(builder);
}

/* --- why it failed --- */

/* Of standard error, where installers put their reasons; of standard output when that is empty. */
static const char *last_lines(const struct builder *builder, char text[LINE_TAIL_TEXT])
{
    return line_tail_text(builder->err.count > 0 ? &builder->err : &builder->out, text);
}

static void describe_failure(struct builder *builder, bool oom_killed)
{
    char text[LINE_TAIL_TEXT];
    const char *cause = cause_line_text(&builder->cause);
    if (oom_killed) {
        error_set(&builder->error, ERROR_DEPENDENCY_MEMORY,
                  "the installation ran out of memory, of which it may have %llu MiB; its last lines: %s",
                  (unsigned long long)(builder->limits.memory_bytes >> 20), last_lines(builder, text));
        error_hint(&builder->error, "raise `build_memory` under `host:`");
        return;
    }
    error_set(&builder->error, ERROR_DEPENDENCY_INSTALL,
              "the dependencies cannot be installed (exit code %d): %s", builder->exit_code,
              cause ? cause : last_lines(builder, text));
    error_hint(&builder->error,
               "berth describe shows what it has written; all of it is in the daemon's log and at "
               "/system/function/<name> of the management port");
}

static void on_examined(void *owner, const struct error *err, const struct docker_state *state)
{
    struct builder *builder = owner;
    builder->call = NULL;
    describe_failure(builder, !err && state->oom_killed);
    fail(builder);
}

/* The command's exit code and its last lines are known. */
static void judge(struct builder *builder)
{
    event_del(builder->limit);
    if (builder->exit_code == 0) {
        remove_container(builder);
        return;
    }
    set_state(builder, EXAMINING);
    builder->call = docker_container_inspect(builder->docker, builder->container, on_examined, builder);
}

static void arm(struct builder *builder, unsigned ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_add(builder->limit, &after);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct builder *builder = context;
    if (builder->state == LAST_LINES) {
        judge(builder);
        return;
    }
    char text[LINE_TAIL_TEXT];
    error_set(&builder->error, ERROR_DEPENDENCY_TIMEOUT,
              "the dependencies were not installed within %u s; the last lines: %s",
              builder->limits.timeout_ms / 1000, last_lines(builder, text));
    error_hint(&builder->error, "raise `install_timeout` under `host:` if it takes that long");
    fail(builder);
}

static void on_measured(void *owner, const struct error *err)
{
    struct builder *builder = owner;
    if (err && (builder->state == RUNNING || builder->state == LAST_LINES))
        builder_stop(builder, err);
}

static void on_watch(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct builder *builder = context;
    struct error err;
    if (builder_disk_check_free(builder->disk, &err) < 0)
        builder_stop(builder, &err);
    else if (builder_disk_is_due(builder->disk))
        builder_disk_measure(builder->disk, on_measured, builder);
}

/* --- while it runs --- */

static size_t stream_of(const struct docker_line *line)
{
    return line->stream == DOCKER_STDERR ? 1 : 0;
}

static void take_line(struct builder *builder, const struct docker_line *line)
{
    cleanup_free char *text = shown_line(line->text, line->length);
    if (cause_line_add(&builder->cause, text))
        return;
    line_tail_add(line->stream == DOCKER_STDERR ? &builder->err : &builder->out, text);
    builder->hooks.line(builder->context, text, clock_ms() - builder->started_ms);
}

static void on_line(void *owner, const struct docker_line *line)
{
    struct builder *builder = owner;
    builder->followed[stream_of(line)]++;
    take_line(builder, line);
    if (builder->state == LAST_LINES)
        arm(builder, LAST_LINES_MS);
}

static void on_line_again(void *owner, const struct docker_line *line)
{
    struct builder *builder = owner;
    size_t stream = stream_of(line);
    if (++builder->read_again[stream] > builder->followed[stream])
        take_line(builder, line);
    if (builder->state == LAST_LINES)
        arm(builder, LAST_LINES_MS);
}

static void on_read_again(void *owner, const struct error *err)
{
    (void)err;
    struct builder *builder = owner;
    builder->logs = NULL;
    if (builder->state == LAST_LINES)
        judge(builder);
}

/* An engine that is busy ends a log that is followed when the container ends, whatever it has still to send.
 * The end is where the cause of a failure stands, so it is read once more. */
static void read_again(struct builder *builder)
{
    const struct docker_logs logs = {.tail = -1};
    arm(builder, LAST_LINES_MS);
    builder->logs = docker_container_logs(builder->docker, builder->container, &logs, on_line_again,
                                          on_read_again, builder);
}

static void on_logs_end(void *owner, const struct error *err)
{
    (void)err;
    struct builder *builder = owner;
    builder->logs = NULL;
    if (builder->state == LAST_LINES)
        read_again(builder);
}

static void on_exit_code(void *owner, const struct error *err, int exit_code)
{
    struct builder *builder = owner;
    builder->wait = NULL;
    if (err) {
        builder_stop(builder, err);
        return;
    }
    builder->exit_code = exit_code;
    set_state(builder, LAST_LINES);
    if (builder->logs)
        arm(builder, LAST_LINES_MS);
    else
        read_again(builder);
}

static void on_started(void *owner, const struct error *err)
{
    struct builder *builder = owner;
    builder->call = NULL;
    if (err) {
        builder->error = *err;
        error_prefix(&builder->error, "the installer cannot start");
        fail(builder);
        return;
    }
    set_state(builder, RUNNING);
    const struct timeval interval = {.tv_usec = WATCH_MS * 1000};
    event_add(builder->watch, &interval);
    const struct docker_logs logs = {.follow = true, .tail = -1};
    builder->logs =
        docker_container_logs(builder->docker, builder->container, &logs, on_line, on_logs_end, builder);
    builder->wait = docker_container_wait(builder->docker, builder->container, on_exit_code, builder);
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    struct builder *builder = owner;
    builder->call = NULL;
    if (err) {
        if (!builder->failed)
            builder->error = *err;
        builder->failed = true;
        finish(builder);
        return;
    }
    builder->container = xstrdup(id);
    if (builder->failed) {
        remove_container(builder);
        return;
    }
    set_state(builder, STARTING);
    builder->call = docker_container_start(builder->docker, id, on_started, builder);
}

/* --- its start --- */

int builder_start(const struct builder_spec *spec, const struct builder_hooks *hooks, void *context,
                  struct builder **ret_builder, struct error *err)
{
    cleanup_free char *ca = host_environment_ca_file();
    struct builder *builder = xcalloc(1, sizeof(*builder));
    *builder = (struct builder){.docker = spec->docker,
                                .hooks = *hooks,
                                .context = context,
                                .state = CREATING,
                                .limits = spec->limits,
                                .key = xstrdup(spec->key),
                                .staged = xstrdup(spec->staged),
                                .started_ms = clock_ms()};
    builder->disk = builder_disk_create(spec->background, spec->staged, spec->limits.disk_bytes);
    builder->limit = evtimer_new(spec->base, on_limit, builder);
    builder->watch = event_new(spec->base, -1, EV_PERSIST, on_watch, builder);
    int rc = builder->limit && builder->watch
                 ? 0
                 : error_errno(err, COMPONENT_BUILD, ENOMEM, "cannot watch a builder");
    if (rc < 0 || builder_disk_check_free(builder->disk, err) < 0 ||
        builder_write_environment(spec, ca, err) < 0) {
        builder_destroy(builder);
        return -1;
    }
    arm(builder, spec->limits.timeout_ms);
    builder->call = builder_create_container(spec, ca, on_created, builder);
    *ret_builder = builder;
    return 0;
}
