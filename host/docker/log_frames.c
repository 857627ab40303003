#include "docker/log_frames.h"

#include "base/strbuf.h"

#include <string.h>

enum { FRAME_COMPLAINT = 3 }; /* what the engine says when it cannot go on reading the log */

void log_frames_init(struct log_frames *frames, docker_line_fn *line, void *owner)
{
    *frames = (struct log_frames){.line = line, .owner = owner};
    for (size_t i = 0; i < 3; i++)
        strbuf_init(&frames->text[i], DOCKER_LINE_MAX);
}

void log_frames_clear(struct log_frames *frames)
{
    for (size_t i = 0; i < 3; i++)
        strbuf_clear(&frames->text[i]);
}

static void report(struct log_frames *frames, enum docker_stream stream, bool continues)
{
    struct strbuf *text = &frames->text[stream - 1];
    struct docker_line line = {
        .stream = stream, .text = strbuf_text(text), .length = text->length, .continues = continues};
    frames->line(frames->owner, &line);
    strbuf_reset(text);
}

/* Adds one frame's payload, or a part of it, to the line of its stream. A full line is only reported as
 * continuing when more of it comes. */
static void take_payload(struct log_frames *frames, enum docker_stream stream, const char *bytes, size_t size)
{
    struct strbuf *text = &frames->text[stream - 1];
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        size_t room = DOCKER_LINE_MAX - text->length;
        size_t part = length < room ? length : room;
        strbuf_append(text, bytes, part);
        bytes += part;
        size -= part;
        if (part < length) {
            report(frames, stream, true);
        } else if (newline) {
            report(frames, stream, false);
            bytes++;
            size--;
        }
    }
}

static void take_complaint(struct log_frames *frames, const char *bytes, size_t size)
{
    struct strbuf *text = &frames->text[FRAME_COMPLAINT - 1];
    size_t room = text->max - text->length;
    strbuf_append(text, bytes, size < room ? size : room);
}

/* Adds one byte to the head; a complete head tells what comes. */
static int take_head(struct log_frames *frames, unsigned char byte, struct error *err)
{
    unsigned char *head = frames->head;
    head[frames->head_length++] = byte;
    if (frames->head_length < LOG_FRAME_HEAD)
        return 0;
    bool sane = head[0] >= DOCKER_STDOUT && head[0] <= FRAME_COMPLAINT && !head[1] && !head[2] && !head[3];
    if (!sane)
        return error_set(err, ERROR_DOCKER_ANSWER,
                         "the log stream is damaged: a frame begins with %02x %02x %02x %02x", head[0],
                         head[1], head[2], head[3]);
    frames->left = (uint32_t)head[4] << 24 | (uint32_t)head[5] << 16 | (uint32_t)head[6] << 8 | head[7];
    if (frames->left == 0)
        frames->head_length = 0;
    return 0;
}

int log_frames_feed(struct log_frames *frames, const char *bytes, size_t size, struct error *err)
{
    while (size > 0) {
        if (frames->head_length < LOG_FRAME_HEAD) {
            if (take_head(frames, (unsigned char)*bytes, err) < 0)
                return -1;
            bytes++;
            size--;
            continue;
        }
        size_t part = size < frames->left ? size : frames->left;
        if (frames->head[0] == FRAME_COMPLAINT)
            take_complaint(frames, bytes, part);
        else
            take_payload(frames, (enum docker_stream)frames->head[0], bytes, part);
        bytes += part;
        size -= part;
        frames->left -= (uint32_t)part;
        if (frames->left == 0)
            frames->head_length = 0;
    }
    return 0;
}

int log_frames_end(struct log_frames *frames, struct error *err)
{
    for (enum docker_stream stream = DOCKER_STDOUT; stream <= DOCKER_STDERR; stream++)
        if (frames->text[stream - 1].length > 0)
            report(frames, stream, false);
    const struct strbuf *complaint = &frames->text[FRAME_COMPLAINT - 1];
    if (complaint->length > 0)
        return error_set(err, ERROR_DOCKER_ERROR, "the Docker Engine cannot read the log: %s",
                         strbuf_text(complaint));
    if (frames->head_length > 0)
        return error_set(err, ERROR_DOCKER_ANSWER, "the log stream ended within a frame");
    return 0;
}
