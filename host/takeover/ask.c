#include "takeover/ask.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "takeover/message.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const inherited_names[INHERITED_FDS] = {"dial", "door", "line", "doorway"};

static int send_ask(int fd, const char *version, struct error *err)
{
    cleanup_free char *text = takeover_write_ask(version);
    const struct wire_message wire = {.text = text, .size = strlen(text)};
    return wire_send(fd, &wire) < 0
               ? error_errno(err, COMPONENT_TAKEOVER, errno, "cannot ask the daemon that runs")
               : 0;
}

/* The next message, by `end_ms`. */
static int await_message(int fd, uint64_t end_ms, char *text, struct wire_message *ret_wire,
                         struct takeover_message *ret_message, struct error *err)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (;;) {
        uint64_t now_ms = clock_ms();
        if (now_ms >= end_ms || poll(&readable, 1, (int)(end_ms - now_ms)) == 0)
            return error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that runs has not answered in time");
        if (wire_receive(fd, text, ret_wire) == 0)
            break;
        if (errno != EAGAIN)
            return error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that runs has hung up");
    }
    if (takeover_message_read(text, ret_wire->size, ret_wire->fd_count, ret_message, err) == 0)
        return 0;
    wire_close_fds(ret_wire);
    return -1;
}

static void take_instance(const struct takeover_message *message, struct wire_message *wire,
                          struct inheritance *inheritance)
{
    struct inherited_instance instance = {.instance = message->instance, .fds = {-1, -1, -1, -1}};
    for (size_t i = 0; i < wire->fd_count; i++) {
        for (size_t k = 0; k < INHERITED_FDS; k++) {
            if (strcmp(message->names[i], inherited_names[k]) == 0 && instance.fds[k] < 0)
                instance.fds[k] = steal_fd(&wire->fds[i]);
        }
    }
    inheritance->instances = xgrow(inheritance->instances, inheritance->instance_count, sizeof(instance));
    inheritance->instances[inheritance->instance_count++] = instance;
}

static void take(struct takeover_message *message, struct wire_message *wire, struct descriptors *given,
                 struct inheritance *ret_inheritance)
{
    for (size_t i = 0; i < wire->fd_count; i++)
        descriptors_add(given, message->names[i], wire->fds[i]);
    wire->fd_count = 0;
    memcpy(ret_inheritance->version, message->version, sizeof(message->version));
    ret_inheritance->keeps = steal(&message->keeps);
    ret_inheritance->keep_count = message->keep_count;
}

int takeover_ask(const char *run_dir, const char *version, unsigned limit_ms, struct descriptors *given,
                 struct inheritance *ret_inheritance, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" TAKEOVER_SOCKET, run_dir);
    cleanup_free char *text = xcalloc(1, WIRE_TEXT_MAX + 1);
    cleanup_close int fd = -1;
    struct wire_message wire;
    struct takeover_message message = {.kind = TAKEOVER_KINDS};
    const uint64_t end_ms = clock_ms() + limit_ms;
    if (wire_connect(path, &fd, err) < 0 || send_ask(fd, version, err) < 0 ||
        await_message(fd, end_ms, text, &wire, &message, err) < 0)
        return -1;
    while (message.kind == TAKEOVER_INSTANCE) {
        take_instance(&message, &wire, ret_inheritance);
        wire_close_fds(&wire);
        takeover_message_clear(&message);
        if (await_message(fd, end_ms, text, &wire, &message, err) < 0)
            return -1;
    }
    if (message.kind == TAKEOVER_YOURS) {
        take(&message, &wire, given, ret_inheritance);
        ret_inheritance->fd = steal_fd(&fd);
    } else {
        error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that runs refuses: %s",
                  message.kind == TAKEOVER_REFUSED ? message.message : "it has said something else");
        if (message.hint[0])
            error_hint(err, "%s", message.hint);
    }
    wire_close_fds(&wire);
    bool is_taken = message.kind == TAKEOVER_YOURS;
    takeover_message_clear(&message);
    return is_taken ? 0 : -1;
}

void inheritance_clear(struct inheritance *inheritance)
{
    if (inheritance->fd >= 0)
        close(inheritance->fd);
    inheritance->fd = -1;
    for (size_t i = 0; i < inheritance->instance_count; i++) {
        for (size_t k = 0; k < INHERITED_FDS; k++) {
            if (inheritance->instances[i].fds[k] >= 0)
                close(inheritance->instances[i].fds[k]);
        }
    }
    free(inheritance->instances);
    inheritance->instances = NULL;
    inheritance->instance_count = 0;
    free(inheritance->keeps);
    inheritance->keeps = NULL;
}
