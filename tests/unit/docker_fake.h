/* The Docker client and an engine of the test's own making, which says what real ones rarely say. */
#ifndef TESTS_DOCKER_FAKE_H
#define TESTS_DOCKER_FAKE_H

#include "base/alloc.h"
#include "docker_bench.h"
#include "scripted_server.h"

#define PING_OK(version)                                                                                     \
    "GET /_ping", "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK", 0

#define EMPTY_LIST  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"
#define STREAM_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

struct fake {
    struct bench bench;
    struct scripted_server server;
    bool open;
};

/* Ends silently what is under way. */
static inline void fake_close(struct fake *fake)
{
    if (!fake->open)
        return;
    fake->open = false;
    docker_destroy(fake->bench.docker);
    server_clear(&fake->server);
    event_base_free(fake->bench.base);
}

/* A new engine that answers by these rules, with a new client, in the place of those before. */
static inline void fake_open(struct fake *fake, const struct rule *rules)
{
    fake_close(fake);
    server_init(&fake->server, rules);
    bench_open(&fake->bench, fake->server.path);
    fake->open = true;
    fake->server.base = fake->bench.base;
    server_listen(&fake->server);
}

static inline int begin_test(void **state)
{
    *state = xcalloc(1, sizeof(struct fake));
    return 0;
}

static inline int end_test(void **state)
{
    fake_close(*state);
    free(*state);
    return 0;
}

/* A test with a `struct fake` as its state, which is closed whether the test has failed or not. */
#define FAKE_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

static inline void never_done(void *owner, const struct error *err)
{
    (void)owner;
    fail_msg("a cancelled call ended: %s", err ? err->message : "success");
}

#endif
