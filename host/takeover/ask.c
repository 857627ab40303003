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

#define DEATH_MS 5000 /* a process has for it */

const char *const inherited_names[INHERITED_FDS] = {"dial", "door", "line", "doorway"};

/* TAKEOVER_GIVEN: it has been asked. Who has ended since it was connected to resets the connection. */
static enum takeover_answer send_ask(int fd, const char *version, struct error *err)
{
    cleanup_free char *text = takeover_write_ask(version);
    const struct wire_message wire = {.text = text, .size = strlen(text)};
    if (wire_send(fd, &wire) == 0)
        return TAKEOVER_GIVEN;
    bool died = errno == ECONNRESET || errno == EPIPE;
    error_errno(err, COMPONENT_TAKEOVER, errno, "cannot ask the daemon that runs");
    return died ? TAKEOVER_DIED : TAKEOVER_NOT_GIVEN;
}

/* The next message, by `end_ms`. */
static enum takeover_answer await_message(int fd, uint64_t end_ms, char *text, struct wire_message *ret_wire,
                                          struct takeover_message *ret_message, struct error *err)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    for (;;) {
        uint64_t now_ms = clock_ms();
        if (now_ms >= end_ms || poll(&readable, 1, (int)(end_ms - now_ms)) == 0) {
            error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that runs has not answered in time");
            return TAKEOVER_NOT_GIVEN;
        }
        if (wire_receive(fd, text, ret_wire) == 0)
            break;
        if (errno == EAGAIN)
            continue;
        error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that ran has ended meanwhile");
        return TAKEOVER_DIED;
    }
    if (takeover_message_read(text, ret_wire->size, ret_wire->fd_count, ret_message, err) == 0)
        return TAKEOVER_GIVEN;
    wire_close_fds(ret_wire);
    return TAKEOVER_NOT_GIVEN;
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

/* What it says in the end; what comes before is taken. */
static enum takeover_answer await_end(int fd, uint64_t end_ms, char *text, struct wire_message *ret_wire,
                                      struct takeover_message *ret_message,
                                      struct inheritance *ret_inheritance, struct error *err)
{
    for (;;) {
        enum takeover_answer answer = await_message(fd, end_ms, text, ret_wire, ret_message, err);
        if (answer != TAKEOVER_GIVEN || ret_message->kind != TAKEOVER_INSTANCE)
            return answer;
        take_instance(ret_message, ret_wire, ret_inheritance);
        wire_close_fds(ret_wire);
        takeover_message_clear(ret_message);
    }
}

static enum takeover_answer judge(const struct takeover_message *message, struct error *err)
{
    if (message->kind == TAKEOVER_YOURS)
        return TAKEOVER_GIVEN;
    error_set(err, ERROR_TAKEOVER_REFUSED, "the daemon that runs refuses: %s",
              message->kind == TAKEOVER_REFUSED ? message->message : "it has said something else");
    if (message->hint[0])
        error_hint(err, "%s", message->hint);
    return TAKEOVER_NOT_GIVEN;
}

/* The other end of a connection is closed a little before what its process has locked is free. */
static void await_death(int pidfd)
{
    struct pollfd dead = {.fd = pidfd, .events = POLLIN};
    if (pidfd >= 0)
        poll(&dead, 1, DEATH_MS);
}

enum takeover_answer takeover_ask(const char *run_dir, const char *version, unsigned limit_ms,
                                  struct descriptors *given, struct inheritance *ret_inheritance,
                                  struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" TAKEOVER_SOCKET, run_dir);
    cleanup_free char *text = xcalloc(1, WIRE_TEXT_MAX + 1);
    cleanup_close int fd = -1;
    struct wire_message wire;
    struct ucred peer;
    struct takeover_message message = {.kind = TAKEOVER_KINDS};
    if (wire_connect(path, &fd, err) < 0)
        return errno == ECONNREFUSED ? TAKEOVER_DIED : TAKEOVER_NOT_GIVEN;
    ret_inheritance->pidfd = wire_find_peer(fd, &peer);
    enum takeover_answer answer = send_ask(fd, version, err);
    if (answer == TAKEOVER_GIVEN)
        answer = await_end(fd, clock_ms() + limit_ms, text, &wire, &message, ret_inheritance, err);
    if (answer == TAKEOVER_DIED)
        await_death(ret_inheritance->pidfd);
    if (answer != TAKEOVER_GIVEN)
        return answer;
    answer = judge(&message, err);
    if (answer == TAKEOVER_GIVEN) {
        take(&message, &wire, given, ret_inheritance);
        ret_inheritance->fd = steal_fd(&fd);
    }
    wire_close_fds(&wire);
    takeover_message_clear(&message);
    return answer;
}

void inheritance_clear(struct inheritance *inheritance)
{
    if (inheritance->fd >= 0)
        close(inheritance->fd);
    if (inheritance->pidfd >= 0)
        close(inheritance->pidfd);
    for (size_t i = 0; i < inheritance->instance_count; i++) {
        for (size_t k = 0; k < INHERITED_FDS; k++) {
            if (inheritance->instances[i].fds[k] >= 0)
                close(inheritance->instances[i].fds[k]);
        }
    }
    free(inheritance->instances);
    free(inheritance->keeps);
    *inheritance = (struct inheritance){.fd = -1, .pidfd = -1};
}
