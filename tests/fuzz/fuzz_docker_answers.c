/* What the engine answers, any bytes, to each thing that it is asked: each call has one end, with a result or
 * an error. The first byte: what is asked for; its highest bit: what follows is the whole answer, with its
 * head, and not the body alone. */
#include "base/alloc.h"
#include "base/log.h"
#include "docker/container.h"
#include "docker/events.h"
#include "docker/image.h"
#include "docker/network.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define TURNS 20000 /* of the event loop, of which a good run takes some dozens */

static struct event_base *base;
static char path[64];
static const uint8_t *answer;
static size_t answer_size;
static bool is_whole;
static unsigned ends;
static size_t sum; /* of what came, so that it is looked at */

static void note_end(const struct error *err)
{
    ends++;
    if (err && !*err->message)
        abort();
}

static void see(const char *text)
{
    sum += text ? strlen(text) : 0;
}

static void on_done(void *owner, const struct error *err)
{
    (void)owner;
    note_end(err);
}

static void on_text(void *owner, const struct error *err, const char *text)
{
    (void)owner;
    see(text);
    note_end(err);
}

static void on_wait(void *owner, const struct error *err, int exit_code)
{
    (void)owner;
    sum += (size_t)exit_code;
    note_end(err);
}

static void on_state(void *owner, const struct error *err, const struct docker_state *state)
{
    (void)owner;
    if ((err == NULL) != (state != NULL) || (state && (!*state->id || !*state->status)))
        abort();
    for (size_t i = 0; state && i < 1; i++) {
        see(state->name), see(state->error), see(state->address);
        see(docker_label(state->labels, "berth.instance"));
    }
    note_end(err);
}

static void on_list(void *owner, const struct error *err, const struct docker_listing *entries, size_t count)
{
    (void)owner;
    for (size_t i = 0; i < count; i++) {
        see(entries[i].id), see(entries[i].name), see(entries[i].state);
        see(docker_label(entries[i].labels, "berth.instance"));
    }
    note_end(err);
}

static void see_image(const struct docker_image *image)
{
    see(image->id), see(image->name), see(image->user);
    see(docker_label(image->labels, "berth.instance"));
    for (const char *const *word = image->command; word && *word; word++)
        see(*word);
}

static void on_image(void *owner, const struct error *err, const struct docker_image *image)
{
    (void)owner;
    if ((err == NULL) != (image != NULL))
        abort();
    if (image)
        see_image(image);
    note_end(err);
}

static void on_images(void *owner, const struct error *err, const struct docker_image *images, size_t count)
{
    (void)owner;
    for (size_t i = 0; i < count; i++)
        see_image(&images[i]);
    note_end(err);
}

static void on_line(void *owner, const struct docker_line *line)
{
    (void)owner;
    if (line->length > DOCKER_LINE_MAX || line->text[line->length] != '\0')
        abort();
}

static void on_progress(void *owner, const char *line)
{
    (void)owner;
    see(line);
}

static void on_event(void *owner, const struct docker_event *event)
{
    (void)owner;
    if (!*event->action || !*event->id || event->exit_code < -1 || event->exit_code > 255)
        abort();
    see(event->name);
}

/* --- the engine --- */

static void on_sent(struct bufferevent *client, void *context)
{
    (void)context;
    bufferevent_free(client);
}

static void on_broken(struct bufferevent *client, short what, void *context)
{
    (void)what, (void)context;
    bufferevent_free(client);
}

static void on_input(struct bufferevent *client, void *context)
{
    (void)context;
    static const char good[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    struct evbuffer *input = bufferevent_get_input(client);
    if (evbuffer_search(input, "\r\n\r\n", 4, NULL).pos < 0)
        return;
    char line[16] = "";
    evbuffer_copyout(input, line, sizeof(line) - 1);
    evbuffer_drain(input, evbuffer_get_length(input));
    bufferevent_setcb(client, NULL, on_sent, on_broken, NULL);
    if (strncmp(line, "GET /_ping", 10) == 0) {
        static const char ping[] =
            "HTTP/1.1 200 OK\r\nApi-Version: 1.43\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
        bufferevent_write(client, ping, strlen(ping));
    } else {
        if (!is_whole)
            bufferevent_write(client, good, strlen(good));
        bufferevent_write(client, answer, answer_size);
        if (is_whole && answer_size == 0)
            bufferevent_free(client);
    }
}

static void on_client(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *context)
{
    (void)listener, (void)address, (void)length, (void)context;
    struct bufferevent *client = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(client, on_input, NULL, on_broken, NULL);
    bufferevent_enable(client, EV_READ | EV_WRITE);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    log_configure(LOG_ERROR, LOG_TEXT);
    base = event_base_new();
    snprintf(path, sizeof(path), "/dev/shm/berth-fuzz-%d.sock", getpid());
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    if (!evconnlistener_new_bind(base, on_client, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
                                 (struct sockaddr *)&address, sizeof(address)))
        abort();
    return 0;
}

/* --- what is asked for --- */

static void ask_events(struct docker *docker)
{
    static const struct docker_events_callbacks callbacks = {.event = on_event, .done = on_done};
    docker_events_follow(docker, NULL, 0, &callbacks, NULL);
}

static void ask_inspect(struct docker *docker)
{
    docker_container_inspect(docker, "id", on_state, NULL);
}

static void ask_list(struct docker *docker)
{
    docker_container_list(docker, NULL, on_list, NULL);
}

static void ask_create(struct docker *docker)
{
    docker_container_create(docker, &(struct docker_container){.image = "image"}, on_text, NULL);
}

static void ask_start(struct docker *docker)
{
    docker_container_start(docker, "id", on_done, NULL);
}

static void ask_wait(struct docker *docker)
{
    docker_container_wait(docker, "id", on_wait, NULL);
}

static void ask_logs(struct docker *docker)
{
    docker_container_logs(docker, "id", &(struct docker_logs){.tail = -1}, on_line, on_done, NULL);
}

static void ask_image(struct docker *docker)
{
    docker_image_inspect(docker, "name", on_image, NULL);
}

static void ask_images(struct docker *docker)
{
    docker_image_list(docker, NULL, on_images, NULL);
}

static void ask_build(struct docker *docker)
{
    docker_image_build(docker, &(struct docker_build){.dockerfile = "FROM scratch\n", .tag = "name"},
                       on_progress, on_text, NULL);
}

static void ask_pull(struct docker *docker)
{
    docker_image_pull(docker, "name", NULL, on_progress, on_done, NULL);
}

static void ask_registry(struct docker *docker)
{
    docker_image_registry(docker, "name", on_text, NULL);
}

static void ask_network(struct docker *docker)
{
    docker_network_ensure(docker, &(struct docker_network){.name = "name"}, on_text, NULL);
}

static void (*const asks[])(struct docker *docker) = {
    ask_events, ask_inspect, ask_list,  ask_create, ask_start,    ask_wait,    ask_logs,
    ask_image,  ask_images,  ask_build, ask_pull,   ask_registry, ask_network,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct docker *docker;
    struct error err;
    if (size < 1)
        return 0;
    answer = data + 1;
    answer_size = size - 1;
    is_whole = data[0] & 0x80;
    ends = 0;
    if (docker_create(base, path, &docker, &err) < 0)
        abort();
    asks[(data[0] & 0x7f) % (sizeof(asks) / sizeof(*asks))](docker);
    for (unsigned turns = 0; ends == 0; turns++) {
        event_base_loop(base, EVLOOP_ONCE);
        if (turns > TURNS)
            abort();
    }
    if (ends != 1)
        abort();
    docker_destroy(docker);
    event_base_loop(base, EVLOOP_NONBLOCK);
    return 0;
}
