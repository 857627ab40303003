/* The connection between two daemons: what one sends comes to the other, in order, with its descriptors. */
#include "takeover/channel.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY 3000 /* more than a socket takes at once */

struct bench {
    struct event_base *base;
    struct takeover_channel *sender, *receiver;
    unsigned clients, wrong;
    bool closed, flushed, destroys;
    struct error why;
};

static void on_message(void *context, const struct takeover_message *message, struct wire_message *wire)
{
    struct bench *bench = context;
    if (message->kind != TAKEOVER_CLIENT)
        return;
    struct passed_client *client = takeover_take_client(message, wire);
    char text[16] = "";
    snprintf(text, sizeof(text), "%u", bench->clients);
    bench->wrong += !client || client->instance != bench->clients || client->size != strlen(text) ||
                    memcmp(client->bytes, text, client->size) != 0 || write(client->fd, "x", 1) != 1;
    passed_client_free(client);
    bench->clients++;
    if (bench->destroys) {
        takeover_channel_destroy(bench->receiver);
        bench->receiver = NULL;
    }
}

static void on_closed(void *context, const struct error *why)
{
    struct bench *bench = context;
    bench->closed = true;
    if (why)
        bench->why = *why;
}

static void on_flushed(void *context)
{
    ((struct bench *)context)->flushed = true;
}

static void bench_open(struct bench *bench)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
    *bench = (struct bench){.base = event_base_new()};
    const struct takeover_hooks hooks = {.message = on_message, .closed = on_closed, .context = bench};
    bench->sender = takeover_channel_create(bench->base, fds[0], &hooks);
    bench->receiver = takeover_channel_create(bench->base, fds[1], &hooks);
}

static void bench_close(struct bench *bench)
{
    takeover_channel_destroy(bench->sender);
    takeover_channel_destroy(bench->receiver);
    event_base_free(bench->base);
}

static void send_client(struct bench *bench, unsigned number, int fd)
{
    char text[16];
    int size = snprintf(text, sizeof(text), "%u", number);
    struct passed_client *client = passed_client_create(dup(fd), text, (size_t)size);
    client->instance = number;
    takeover_channel_send_client(bench->sender, client);
}

static void many_come_in_order(void **state)
{
    (void)state;
    struct bench bench;
    int fds[2];
    bench_open(&bench);
    assert_int_equal(pipe(fds), 0);
    unsigned sent = 0;
    while (sent < MANY) {
        for (unsigned i = 0; i < 100; i++)
            send_client(&bench, sent++, fds[1]);
        event_base_loop(bench.base, EVLOOP_NONBLOCK);
    }
    takeover_channel_flush(bench.sender, on_flushed, &bench);
    while (bench.clients < MANY)
        event_base_loop(bench.base, EVLOOP_ONCE);
    assert_true(bench.flushed);
    assert_int_equal(bench.wrong, 0);
    char bytes[MANY + 1];
    assert_int_equal(read(fds[0], bytes, sizeof(bytes)), MANY);
    close(fds[0]);
    close(fds[1]);
    bench_close(&bench);
}

static void an_end_is_told_once(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    takeover_channel_destroy(bench.sender);
    bench.sender = NULL;
    while (!bench.closed)
        event_base_loop(bench.base, EVLOOP_ONCE);
    bench.closed = false;
    event_base_loop(bench.base, EVLOOP_NONBLOCK);
    assert_false(bench.closed);
    takeover_channel_send(bench.receiver, takeover_write_serving(), NULL, 0);
    assert_int_equal(bench.why.code, ERROR_NONE);
    bench_close(&bench);
}

static void nonsense_ends_it(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    takeover_channel_send(bench.sender, strdup("nonsense"), NULL, 0);
    while (!bench.closed)
        event_base_loop(bench.base, EVLOOP_ONCE);
    assert_int_equal(bench.why.code, ERROR_TAKEOVER_MESSAGE);
    bench_close(&bench);
}

static void may_be_destroyed_within_a_message(void **state)
{
    (void)state;
    struct bench bench;
    int fds[2];
    bench_open(&bench);
    bench.destroys = true;
    assert_int_equal(pipe(fds), 0);
    send_client(&bench, 0, fds[1]);
    send_client(&bench, 1, fds[1]);
    while (bench.clients == 0)
        event_base_loop(bench.base, EVLOOP_ONCE);
    event_base_loop(bench.base, EVLOOP_NONBLOCK);
    assert_int_equal(bench.clients, 1);
    close(fds[0]);
    close(fds[1]);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_come_in_order),
        cmocka_unit_test(an_end_is_told_once),
        cmocka_unit_test(nonsense_ends_it),
        cmocka_unit_test(may_be_destroyed_within_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
