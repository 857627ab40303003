/* A whole fleet for tests, with real build jobs and a plugin made for tests, against an engine of the test's
 * own making. What a worker would do, taking slots and waiting for them, the test does by itself. */
#ifndef TESTS_WHOLE_FLEET_H
#define TESTS_WHOLE_FLEET_H

#include "fleet/fleet.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "fake_engine.h"
#include "routing/slot_pool.h"
#include "routing/slot_wait.h"

#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GUARD_MS 30000 /* a test that waits longer has failed */

struct bench {
    struct event_base *base;
    char dir[64];
    char *config, *engine_path, *state, *run, *plugins, *secret_key;
    struct registry *registry; /* for its host settings */
    struct fake_engine *engine;
    struct route_table *routes;
    struct route_snapshot *seen;
    struct fleet *fleet;
    unsigned routed, settled, stopped;
    struct mailbox inbox; /* of the one worker that the test plays */
    struct event *inbox_event;
    struct request *requests; /* all that were made */
};

/* One request as a worker holds it. */
struct request {
    struct slot_waiter waiter; /* first, so that its mail leads back to it */
    struct slot *slot; /* NULL: it has none yet, or has given it back */
    bool told;
    struct error error; /* of zeros: none */
    struct request *next;
};

/* --- the bench --- */

static inline void write_file(const struct bench *bench, const char *name, const char *text)
{
    cleanup_free char *path = xasprintf("%s/%s", bench->dir, name);
    cleanup_free char *folder = xstrdup(path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(fs_make_dirs(folder, 0755, NULL), 0);
    assert_int_equal(fs_write_file(path, text, strlen(text), 0644, NULL), 0);
}

/* Registers functions: pairs of a name and further settings, ended by NULL. */
static inline void write_config(const struct bench *bench, const char *host, const char *const *functions)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 1 << 20);
    strbuf_append_format(&text, "host: {drain_timeout: 5s, spare_networks: 0%s%s}\nusable-functions:\n",
                         strstr(host, "prewarm") ? "" : ", prewarm: 0", host);
    for (size_t i = 0; functions[i]; i += 2)
        strbuf_append_format(&text,
                             "  %s:\n    configuration:\n      language: acting\n      folder: code\n"
                             "      file: main.x\n      memory: 64Mi\n%s",
                             functions[i], functions[i + 1]);
    if (!functions[0])
        strbuf_append_text(&text, "  {}\n");
    write_file(bench, "config.yml", strbuf_text(&text));
}

static inline void on_routed(void *context)
{
    ((struct bench *)context)->routed++;
}

static inline void on_settled(void *context)
{
    ((struct bench *)context)->settled++;
}

static inline void on_stopped(void *context)
{
    ((struct bench *)context)->stopped++;
}

static inline void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    mailbox_deliver(&((struct bench *)context)->inbox, NULL);
}

static inline void start_fleet(struct bench *bench)
{
    struct error err;
    if (registry_load(bench->config, NULL, 0, NULL, &bench->registry, &err) < 0)
        fail_msg("%s", err.message);
    free(bench->registry->host.docker_socket);
    bench->registry->host.docker_socket = xstrdup(bench->engine_path);
    struct fleet_options options = {.base = bench->base,
                                    .host = &bench->registry->host,
                                    .config_path = bench->config,
                                    .state_dir = bench->state,
                                    .run_dir = bench->run,
                                    .plugin_dir = bench->plugins,
                                    .build_job_program = BUILD_JOB_PROGRAM,
                                    .secret_key_file = bench->secret_key,
                                    .routes = bench->routes};
    struct fleet_hooks hooks = {
        .routed = on_routed, .settled = on_settled, .stopped = on_stopped, .context = bench};
    if (fleet_create(&options, &hooks, &bench->fleet, &err) < 0)
        fail_msg("%s", err.message);
    fleet_start(bench->fleet);
}

static inline void bench_open(struct bench *bench)
{
    *bench = (struct bench){.dir = "/tmp/berth-fleet-XXXXXX"};
    struct error err;
    assert_non_null(mkdtemp(bench->dir));
    bench->base = event_base_new();
    bench->config = xasprintf("%s/config.yml", bench->dir);
    bench->engine_path = xasprintf("%s/docker.sock", bench->dir);
    bench->state = xasprintf("%s/state", bench->dir);
    bench->run = xasprintf("%s/run", bench->dir);
    bench->secret_key = xasprintf("%s/secret.key", bench->dir);
    bench->plugins = xasprintf("%s/plugins", bench->dir);
    bench->engine = fake_engine_open(bench->base, bench->engine_path);
    bench->routes = route_table_create();
    write_file(bench, "plugins/acting/image/Dockerfile", "FROM scratch\n");
    cleanup_free char *plugin = xasprintf("%s/acting.so", bench->plugins);
    assert_int_equal(symlink(TEST_PLUGIN_DIR "/acting.so", plugin), 0);
    write_file(bench, "functions/code/main.x", "first\n");
    assert_int_equal(mailbox_init(&bench->inbox, &err), 0);
    bench->inbox_event = event_new(bench->base, bench->inbox.fd, EV_READ | EV_PERSIST, on_inbox, bench);
    event_add(bench->inbox_event, NULL);
}

static inline void run_for(struct bench *bench, unsigned ms)
{
    const struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_base_loopexit(bench->base, &limit);
    event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

/* Runs the loop until the condition holds. */
#define UNTIL(bench, condition)                                                                              \
    do {                                                                                                     \
        uint64_t end_ms_ = clock_ms() + GUARD_MS;                                                            \
        while (!(condition)) {                                                                               \
            run_for(bench, 10);                                                                              \
            if (clock_ms() > end_ms_)                                                                        \
                fail_msg("line %d: waited in vain for: %s", __LINE__, #condition);                           \
        }                                                                                                    \
    } while (0)

/* Ends the fleet as the daemon does, and sees that nothing is left. */
static inline void stop_fleet(struct bench *bench)
{
    fleet_stop(bench->fleet);
    UNTIL(bench, bench->stopped > 0);
    assert_int_equal(bench->stopped, 1);
    assert_int_equal(fake_engine_count(bench->engine), 0);
    assert_int_equal(fleet_current_budget(bench->fleet)->instances, 0);
    assert_int_equal(fleet_current_budget(bench->fleet)->memory_bytes, 0);
}

static inline void bench_close(struct bench *bench)
{
    route_snapshot_unref(bench->seen);
    fleet_destroy(bench->fleet);
    for (struct request *request; (request = bench->requests);) {
        bench->requests = request->next;
        free(request);
    }
    route_table_destroy(bench->routes);
    fake_engine_close(bench->engine);
    registry_destroy(bench->registry);
    event_free(bench->inbox_event);
    mailbox_clear(&bench->inbox);
    event_base_free(bench->base);
    assert_int_equal(fs_remove_tree(bench->dir, NULL), 0);
    free(bench->config);
    free(bench->engine_path);
    free(bench->state);
    free(bench->run);
    free(bench->plugins);
    free(bench->secret_key);
}

static inline void start_settled(struct bench *bench)
{
    start_fleet(bench);
    UNTIL(bench, bench->settled > 0);
}

static inline struct function *find(const struct bench *bench, const char *name)
{
    return fleet_function_find(bench->fleet, name);
}

/* --- requests --- */

static inline void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    struct request *request = (struct request *)mail;
    request->told = true;
    request->slot = request->waiter.slot;
    if (request->waiter.error)
        request->error = *request->waiter.error;
    free(request->waiter.error);
    slot_pool_unref(request->waiter.pool);
}

static inline const struct route *route_of(struct bench *bench, const char *name)
{
    route_table_refresh(bench->routes, &bench->seen);
    return route_snapshot_find(bench->seen, name, strlen(name));
}

/* Asks for a slot of this route, which has a pool. The request is the bench's. */
static inline struct request *ask_route(struct bench *bench, const struct route *route)
{
    struct request *request = xcalloc(1, sizeof(*request));
    *request = (struct request){.waiter = {.mail.deliver = on_mail,
                                           .inbox = &bench->inbox,
                                           .queue_length = route->limits.queue_length},
                                .next = bench->requests};
    bench->requests = request;
    enum slot_acquire got = slot_pool_acquire(route->pool, 0, clock_ms(), &request->waiter, &request->slot);
    assert_int_not_equal(got, SLOT_REFUSED);
    request->told = got == SLOT_TAKEN;
    return request;
}

/* A request for this function, which has a pool. */
static inline struct request *ask(struct bench *bench, const char *name)
{
    const struct route *route = route_of(bench, name);
    assert_non_null(route);
    assert_non_null(route->pool);
    return ask_route(bench, route);
}

/* Gives its slot back. */
static inline void finish_with(struct request *request, enum slot_fate fate)
{
    assert_non_null(request->slot);
    struct slot *slot = request->slot;
    request->slot = NULL;
    slot_pool_release(slot, fate, clock_ms(), 1000);
}

static inline void finish(struct request *request)
{
    finish_with(request, SLOT_REUSABLE);
}

/* A whole request that must be served. */
static inline void serve(struct bench *bench, const char *name)
{
    struct request *request = ask(bench, name);
    UNTIL(bench, request->told);
    if (!request->slot)
        fail_msg("%s: %s", error_code_slug(request->error.code), request->error.message);
    finish(request);
}

/* By its route, or by whoever prepares or starts it. */
static inline void assert_refused(struct bench *bench, const char *name, const char *reason)
{
    const struct route *route = route_of(bench, name);
    assert_non_null(route);
    struct error error;
    if (route->pool) {
        struct request *request = ask_route(bench, route);
        UNTIL(bench, request->told);
        assert_null(request->slot);
        error = request->error;
    } else {
        error_recall(route->problem, &error);
    }
    assert_string_equal(error_code_slug(error.code), reason);
}

/* --- fixtures: a bench for each test, whose fleet is ended whether the test has failed or not --- */

static inline int begin_test(void **state)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    bench_open(bench);
    *state = bench;
    return 0;
}

static inline int end_test(void **state)
{
    struct bench *bench = *state;
    for (struct request *request = bench->requests; request; request = request->next) {
        if (request->slot)
            finish_with(request, SLOT_BROKEN);
    }
    if (bench->fleet && bench->stopped == 0)
        stop_fleet(bench);
    bench_close(bench);
    free(bench);
    return 0;
}

#define FLEET_TEST(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

#endif
