/* What the build folder's tests on a real engine share. They skip where there is no engine or no base image.
 */
#ifndef TESTS_BUILD_DOCKER_H
#define TESTS_BUILD_DOCKER_H

#include "build_bench.h"

#include "base/alloc.h"
#include "base/background.h"
#include "base/ident.h"
#include "docker/container.h"
#include "docker/image.h"
#include "prepare/image/image_look.h"
#include "prepare/image/runtime_image.h"

#include <dirent.h>
#include <stdio.h>

#define TEST_BASE_IMAGE IMAGE_BASE_PREFIX BASE_SUITE

/* A client with a name of its own: what the tests make carries it, and is looked for by it. */
struct engine {
    struct bench bench;
    struct docker *docker;
    struct background *background;
    char id[13];
    unsigned answers;
    bool failed;
    size_t count;
};

static inline void engine_note(struct engine *engine, const struct error *err, size_t count)
{
    engine->answers++;
    engine->failed = err != NULL;
    engine->count = count;
}

static inline void engine_on_image(void *owner, const struct error *err, const struct docker_image *image)
{
    (void)image;
    engine_note(owner, err, 0);
}

static inline void engine_on_list(void *owner, const struct error *err, const struct docker_listing *entries,
                                  size_t count)
{
    (void)entries;
    engine_note(owner, err, count);
}

static inline void engine_close(struct engine *engine)
{
    background_destroy(engine->background);
    docker_destroy(engine->docker);
    bench_close(&engine->bench);
}

/* Skips the test where it cannot run. */
static inline void engine_open(struct engine *engine)
{
    struct error err;
    *engine = (struct engine){0};
    bench_open(&engine->bench);
    ident_random(engine->id, sizeof(engine->id) - 1);
    assert_int_equal(docker_create(engine->bench.base, NULL, &engine->docker, &err), 0);
    assert_int_equal(background_create(engine->bench.base, &engine->background, &err), 0);
    docker_image_inspect(engine->docker, TEST_BASE_IMAGE, engine_on_image, engine);
    bench_wait(&engine->bench, &engine->answers, 1);
    if (!engine->failed)
        return;
    engine_close(engine);
    skip();
}

/* Containers with the label berth.host=<engine's name>. */
static inline size_t engine_containers(struct engine *engine)
{
    unsigned before = engine->answers;
    cleanup_free char *label = xasprintf("berth.host=%s", engine->id);
    const char *const labels[] = {label, NULL};
    docker_container_list(engine->docker, labels, engine_on_list, engine);
    bench_wait(&engine->bench, &engine->answers, before + 1);
    assert_false(engine->failed);
    return engine->count;
}

#endif
