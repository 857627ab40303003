/* What the fleet's tests share: an event loop, a fake engine, and the parts that an instance works with. */
#ifndef TESTS_FLEET_BENCH_H
#define TESTS_FLEET_BENCH_H

#include "base/background.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "docker/docker.h"
#include "fake_engine.h"
#include "fleet/engine/docker_engine.h"
#include "fleet/fleet_env.h"
#include "fleet/instance/loss_book.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BENCH_GUARD_MS 20000 /* a test that waits longer has failed */

struct bench {
    struct event_base *base;
    char dir[64], engine_path[80], run_dir[80];
    struct host_settings host;
    struct fake_engine *engine;
    struct background *background;
    struct fleet_env env;
    unsigned rooms_freed;
};

static inline void bench_on_room(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    ((struct bench *)context)->rooms_freed++;
}

static inline void bench_open(struct bench *bench)
{
    *bench = (struct bench){.dir = "/tmp/berth-fleet-XXXXXX"};
    struct error err;
    assert_non_null(mkdtemp(bench->dir));
    bench->base = event_base_new();
    snprintf(bench->engine_path, sizeof(bench->engine_path), "%s/docker.sock", bench->dir);
    snprintf(bench->run_dir, sizeof(bench->run_dir), "%s/i", bench->dir);
    bench->engine = fake_engine_open(bench->base, bench->engine_path);
    bench->host = (struct host_settings){.start_timeout_ms = 5000, .drain_timeout_ms = 5000, .prewarm = 1};
    struct fleet_env *env = &bench->env;
    *env = (struct fleet_env){.base = bench->base, .host = &bench->host, .run_dir = bench->run_dir};
    assert_int_equal(docker_create(bench->base, bench->engine_path, &env->docker, &err), 0);
    assert_int_equal(background_create(bench->base, &bench->background, &err), 0);
    assert_int_equal(package_store_open(bench->dir, bench->background, &env->packages, &err), 0);
    assert_int_equal(dependency_store_open(bench->dir, bench->background, &env->dependencies, &err), 0);
    const struct docker_engine_options options = {.docker = env->docker,
                                                  .owner_id = "0123456789abcdef",
                                                  .network = "berth",
                                                  .builder_network = "berth-builders",
                                                  .world_dir = bench->dir,
                                                  .dependencies_dir = dependency_store_dir(env->dependencies),
                                                  .parallel = 2};
    env->engine = docker_engine_create(bench->base, &options, &(struct engine_hooks){0});
    env->engine->budget = (struct budget){.max_instances = 100,
                                          .max_memory_bytes = UINT64_C(1) << 40,
                                          .wanted = evtimer_new(bench->base, bench_on_room, bench),
                                          .freed = evtimer_new(bench->base, bench_on_room, bench)};
    env->losses = loss_book_create();
}

static inline void bench_close(struct bench *bench)
{
    struct fleet_env *env = &bench->env;
    engine_destroy(env->engine);
    docker_destroy(env->docker);
    fake_engine_close(bench->engine);
    loss_book_destroy(env->losses);
    background_destroy(bench->background);
    dependency_store_close(env->dependencies);
    package_store_close(env->packages);
    event_base_free(bench->base);
    assert_int_equal(fs_remove_tree(bench->dir, NULL), 0);
}

/* Runs the loop until `reached` says so; a test that waits too long fails with `what`. */
static inline void bench_until(struct bench *bench, bool (*reached)(void *context), void *context,
                               const char *what)
{
    uint64_t end_ms = clock_ms() + BENCH_GUARD_MS;
    while (!reached(context)) {
        const struct timeval tick = {.tv_usec = 20000};
        event_base_loopexit(bench->base, &tick);
        event_base_loop(bench->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
        if (clock_ms() > end_ms)
            fail_msg("waited in vain for: %s", what);
    }
}

/* Runs the loop for a moment, for what must not happen. An exit that bench_until() has asked for may come in
 * it. */
static inline void bench_idle(struct bench *bench, unsigned ms)
{
    uint64_t now_ms, end_ms = clock_ms() + ms;
    while ((now_ms = clock_ms()) < end_ms) {
        uint64_t left_ms = end_ms - now_ms;
        const struct timeval limit = {.tv_sec = (time_t)(left_ms / 1000),
                                      .tv_usec = (suseconds_t)(left_ms % 1000) * 1000};
        event_base_loopexit(bench->base, &limit);
        event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
    }
}

#endif
