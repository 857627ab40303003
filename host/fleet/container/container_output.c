#include "fleet/container/container_output.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/timer.h"
#include "fleet/engine/world.h"
#include "fleet/output/output_line.h"
#include "fleet/output/output_splitter.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES  (64u << 10) /* of one read: as much as a pipe holds */
#define DRAIN_BLOCKS 16 /* that somebody who goes on writing is read for at most */
#define PAUSE_MS     10 /* after a block of what is only dropped */

struct stream {
    struct container_output *output;
    enum output_stream kind;
    int fd; /* open for writing as well, so that it never ends */
    struct event *event;
    struct event *late; /* the unfinished line has waited for long enough */
    struct event *pause; /* ends, and reading goes on */
    struct output_splitter splitter;
    char request_id[OUTPUT_LINE_ID_SIZE]; /* of the last line */
    bool goes_on; /* ... of which more is to come */
};

struct container_output {
    struct function_output *function; /* NULL: not followed yet */
    char *instance, *revision; /* NULL: not followed yet */
    struct output_tail tail;
    struct stream streams[2];
};

/* Takes the marks off. False when there is nothing to be told: the line has ended where it was cut. */
static bool read_marks(struct stream *stream, const struct output_piece *piece, struct output_line *ret_line)
{
    bool went_on = stream->goes_on;
    if (piece->begins) {
        output_line_parse(piece->text, piece->length, ret_line);
        went_on = went_on && strcmp(ret_line->request_id, stream->request_id) == 0;
        memcpy(stream->request_id, ret_line->request_id, sizeof(stream->request_id));
    } else {
        *ret_line = (struct output_line){.text = piece->text, .length = piece->length};
        memcpy(ret_line->request_id, stream->request_id, sizeof(stream->request_id));
    }
    bool nothing = ret_line->length == 0 && went_on;
    stream->goes_on = !piece->ends || output_line_take_end(ret_line);
    return !nothing;
}

static void on_piece(void *owner, const struct output_piece *piece)
{
    struct stream *stream = owner;
    struct container_output *output = stream->output;
    struct output_line line;
    if (!read_marks(stream, piece, &line))
        return;
    output_tail_add(&output->tail, line.text, line.length);
    if (output->function)
        function_output_write(output->function, &(struct output_origin){output->instance, output->revision},
                              stream->kind, &line, stream->goes_on);
}

/* A line that goes on growing is shown in time all the same: only the end of a line begins the time anew. */
static void watch_rest(struct stream *stream, size_t lines)
{
    bool holds = output_splitter_holds(&stream->splitter);
    if (!holds)
        event_del(stream->late);
    else if (lines > 0 || !evtimer_pending(stream->late, NULL))
        timer_at(stream->late, OUTPUT_PARTIAL_MS, 0);
}

/* False when there is nothing to be read. */
static bool read_block(struct stream *stream)
{
    static char block[BLOCK_BYTES];
    ssize_t size = read(stream->fd, block, sizeof(block));
    if (size <= 0)
        return false;
    watch_rest(stream, output_splitter_feed(&stream->splitter, block, (size_t)size));
    return true;
}

/* Who writes more than is logged is made to wait, so that neither writing nor reading it costs the others a
 * processor. */
static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct stream *stream = context;
    if (!read_block(stream) || !function_output_is_full(stream->output->function))
        return;
    event_del(stream->event);
    timer_at(stream->pause, PAUSE_MS, 0);
}

static void on_pause_over(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct stream *stream = context;
    event_add(stream->event, NULL);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct stream *stream = context;
    output_splitter_flush(&stream->splitter);
}

/* Whatever the umask, the container's user may write, its first process keeps a reader, and nobody else gets
 * into the directory. The pipe of an instance that was there before is used as it is. */
static int open_pipe(const char *dir, const char *name, int *ret_fd, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    if ((mkfifo(path, 0600) < 0 && errno != EEXIST) || chmod(path, 0666) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot make the pipe %s", path);
    *ret_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return *ret_fd < 0 ? error_errno(err, COMPONENT_FLEET, errno, "cannot open the pipe %s", path) : 0;
}

static int stream_open(struct stream *stream, struct event_base *base, const char *dir, const char *name,
                       struct error *err)
{
    if (open_pipe(dir, name, &stream->fd, err) < 0)
        return -1;
    stream->event = event_new(base, stream->fd, EV_READ | EV_PERSIST, on_readable, stream);
    stream->late = evtimer_new(base, on_late, stream);
    stream->pause = evtimer_new(base, on_pause_over, stream);
    return 0;
}

static void stream_close(struct stream *stream)
{
    if (stream->event)
        event_free(stream->event);
    if (stream->late)
        event_free(stream->late);
    if (stream->pause)
        event_free(stream->pause);
    if (stream->fd >= 0)
        close(stream->fd);
    output_splitter_clear(&stream->splitter);
}

int container_output_open(struct event_base *base, const char *dir, const char *instance,
                          struct container_output **ret_output, struct error *err)
{
    struct container_output *output = xcalloc(1, sizeof(*output));
    output->instance = xstrdup(instance);
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &output->streams[i];
        *stream = (struct stream){.output = output, .kind = i == 0 ? OUTPUT_STDOUT : OUTPUT_STDERR, .fd = -1};
        output_splitter_init(&stream->splitter, on_piece, stream);
    }
    if (stream_open(&output->streams[0], base, dir, WORLD_STDOUT, err) < 0 ||
        stream_open(&output->streams[1], base, dir, WORLD_STDERR, err) < 0) {
        container_output_close(output);
        return -1;
    }
    *ret_output = output;
    return 0;
}

void container_output_follow(struct container_output *output, struct function_output *function,
                             const char *revision)
{
    output->revision = xstrdup(revision);
    output->function = function;
    for (size_t i = 0; i < 2; i++)
        event_add(output->streams[i].event, NULL);
}

void container_output_drain(struct container_output *output)
{
    for (size_t i = 0; output && i < 2; i++) {
        struct stream *stream = &output->streams[i];
        if (stream->fd < 0)
            continue;
        for (size_t blocks = 0; blocks < DRAIN_BLOCKS && read_block(stream); blocks++)
            continue;
        event_del(stream->late);
        output_splitter_flush(&stream->splitter);
    }
}

void container_output_add_traceback(struct container_output *output, const char *traceback)
{
    for (const char *at = traceback; *at;) {
        size_t length = strcspn(at, "\n");
        for (size_t part; length > 0; length -= part, at += part) {
            part = length < OUTPUT_LINE_MAX ? length : OUTPUT_LINE_MAX;
            const struct output_line line = {.text = at, .length = part};
            if (output->function)
                function_output_write(output->function,
                                      &(struct output_origin){output->instance, output->revision},
                                      OUTPUT_TRACEBACK, &line, part < length);
        }
        at += *at == '\n';
    }
}

const struct output_tail *container_output_tail(const struct container_output *output)
{
    return output ? &output->tail : NULL;
}

void container_output_close(struct container_output *output)
{
    if (!output)
        return;
    container_output_drain(output);
    for (size_t i = 0; i < 2; i++)
        stream_close(&output->streams[i]);
    output_tail_clear(&output->tail);
    free(output->instance);
    free(output->revision);
    free(output);
}
