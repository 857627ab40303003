#include "driver_passing.h"

#include "takeover/channel.h"
#include "takeover/wire.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int next_fd = -1;
static struct gateway *taker;
static int listener = -1;

static bool await(int fd, short what)
{
    struct pollfd wanted = {.fd = fd, .events = what};
    return poll(&wanted, 1, -1) > 0;
}

static void take_one(const char *text, struct wire_message *wire)
{
    struct takeover_message message;
    struct error err;
    if (takeover_message_read(text, wire->size, wire->fd_count, &message, &err) == 0) {
        struct passed_client *client =
            message.kind == TAKEOVER_CLIENT ? takeover_take_client(&message, wire) : NULL;
        if (client)
            gateway_take_client(taker, client);
        takeover_message_clear(&message);
    }
    wire_close_fds(wire);
}

static void *take(void *unused)
{
    (void)unused;
    static char text[WIRE_TEXT_MAX + 1];
    struct wire_message wire;
    await(listener, POLLIN);
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd >= 0 && await(fd, POLLIN)) {
        if (wire_receive(fd, text, &wire) == 0)
            take_one(text, &wire);
        else if (errno != EAGAIN)
            break;
    }
    close(fd);
    close(listener);
    return NULL;
}

int driver_take_clients(const char *path, struct gateway *gateway)
{
    struct error err;
    pthread_t thread;
    taker = gateway;
    if (wire_listen(path, &listener, &err) < 0 || pthread_create(&thread, NULL, take, NULL) != 0)
        return -1;
    return pthread_detach(thread);
}

int driver_find_next(const char *path)
{
    struct error err;
    return wire_connect(path, &next_fd, &err);
}

void driver_pass_client(void *context, struct passed_client *passed)
{
    (void)context;
    struct wire_message wire = {0};
    wire.text = takeover_describe_client(passed, wire.fds, &wire.fd_count);
    if (wire.text) {
        wire.size = strlen(wire.text);
        while (wire_send(next_fd, &wire) < 0 && errno == EAGAIN && await(next_fd, POLLOUT))
            ;
    }
    free(wire.text);
    wire_close_fds(&wire);
    passed_client_free(passed);
}
