/*
 * The engine's log stream, taken apart: frames of 8 bytes head (stream, three zeros, length in network order)
 * and payload, cut anywhere; each stream's payload is put together to lines. Bytes in, lines out. For this
 * folder only.
 */
#ifndef DOCKER_LOG_FRAMES_H
#define DOCKER_LOG_FRAMES_H

#include "base/strbuf.h"
#include "docker/container.h"

#define LOG_FRAME_HEAD 8

struct log_frames {
    docker_line_fn *line;
    void *owner;
    unsigned char head[LOG_FRAME_HEAD];
    size_t head_length;
    uint32_t left; /* payload bytes of the frame still to come */
    struct strbuf text[3]; /* the unfinished line of stdout, stderr; the engine's own complaint */
};

void log_frames_init(struct log_frames *frames, docker_line_fn *line, void *owner);
void log_frames_clear(struct log_frames *frames);

/* Takes the next bytes and reports the lines that they complete. "docker-answer" for bytes that are no
 * frames. */
int log_frames_feed(struct log_frames *frames, const char *bytes, size_t size, struct error *err);

/* The stream has ended: reports unfinished lines. "docker-error" with the engine's words when it put a
 * complaint into the stream, "docker-answer" when a frame was cut. */
int log_frames_end(struct log_frames *frames, struct error *err);

#endif
