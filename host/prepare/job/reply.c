#include "prepare/job/reply.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define REPLY_FD_MIN 200

int reply_init(struct reply *reply)
{
    reply->fd = fcntl(REPLY_FD, F_DUPFD_CLOEXEC, REPLY_FD_MIN);
    if (reply->fd < 0)
        return -1;
    close(REPLY_FD);
    return 0;
}

/* The plugin may have made the pipe one that does not block. */
static void write_all(int fd, const char *bytes, size_t size)
{
    struct pollfd writable = {.fd = fd, .events = POLLOUT};
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN && poll(&writable, 1, -1) >= 0)
            continue;
        if (written < 0) /* the parent has gone: so will this process */
            return;
        bytes += written;
        size -= (size_t)written;
    }
}

/* Writes {name: value} and a newline. */
static void write_line(const struct reply *reply, const char *name, json_t *value)
{
    json_t *line = json_object();
    json_object_set_new(line, name, value);
    cleanup_free char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        return;
    size_t size = strlen(text);
    text[size] = '\n'; /* in the place of the NUL */
    write_all(reply->fd, text, size + 1);
}

void reply_progress(const struct reply *reply, const char *callback)
{
    write_line(reply, "callback", json_string(callback));
}

void reply_result(const struct reply *reply, json_t *result)
{
    write_line(reply, "result", result);
}

void reply_lacks(const struct reply *reply, json_t *lacks)
{
    write_line(reply, "lacks", json_incref(lacks));
}

void reply_end(const struct reply *reply, json_t *end)
{
    write_line(reply, "end", end);
}
