/* The Docker client and the real engine, with an image made of one static program. Tests skip when no engine
 * answers. Everything made here carries the label berth.test=<run> and is removed at the end. */
#ifndef TESTS_DOCKER_REAL_H
#define TESTS_DOCKER_REAL_H

#include "docker_bench.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "base/strbuf.h"

#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* One for all tests, made in the group's setup. */
static struct {
    struct bench bench;
    bool answers;
    char run[13], label[40], image[64], folder[64];
} engine;

#define NEED_ENGINE()                                                                                        \
    do {                                                                                                     \
        if (!engine.answers)                                                                                 \
            skip();                                                                                          \
    } while (0)

#define OUTCOME(name)                                                                                        \
    cleanup_outcome struct outcome(name);                                                                    \
    outcome_init(&(name), &engine.bench)

static inline void put_file(const char *folder, const char *name, const char *bytes, size_t size,
                            unsigned mode)
{
    struct error err;
    cleanup_free char *path = xasprintf("%s/%s", folder, name);
    assert_int_equal(fs_make_dirs(folder, 0755, &err), 0);
    assert_int_equal(fs_write_file(path, bytes, size, mode, &err), 0);
}

static inline void put_text(const char *folder, const char *name, const char *text)
{
    put_file(folder, name, text, strlen(text), 0644);
}

static inline void build_folder(struct outcome *built, const char *folder, const char *tag)
{
    struct docker_pair argument = {"BERTH_BASE", engine.image}, label = {"berth.test", engine.run};
    struct docker_build build = {.context = folder,
                                 .tag = tag,
                                 .arguments = &argument,
                                 .argument_count = 1,
                                 .labels = &label,
                                 .label_count = 1};
    docker_image_build(engine.bench.docker, &build, on_progress, on_id, built);
    await_end(built);
}

/* Builds from a folder with a Dockerfile of that text and one more file. */
static inline void build_image(struct outcome *built, const char *dockerfile, const char *tag)
{
    cleanup_free char *folder = xasprintf("%s/context", engine.folder);
    put_text(folder, "Dockerfile", dockerfile);
    put_text(folder, "extra", "hello");
    build_folder(built, folder, tag);
}

/* The test image: /program and nothing else. */
static inline void build_base(void)
{
    OUTCOME(built);
    struct error err;
    char *bytes;
    size_t size;
    cleanup_free char *folder = xasprintf("%s/base", engine.folder);
    if (fs_read_file(DOCKER_PROGRAM, 16 << 20, &bytes, &size, &err) < 0)
        fail_msg("%s", err.message);
    put_file(folder, "program", bytes, size, 0755);
    put_text(folder, "Dockerfile", "FROM scratch\nCOPY program /program\n");
    free(bytes);
    build_folder(&built, folder, engine.image);
    assert_success(&built);
    assert_memory_equal(built.id, "sha256:", 7);
}

static inline int set_up(void **state)
{
    (void)state;
    bench_open(&engine.bench, NULL);
    OUTCOME(ping);
    docker_ping(engine.bench.docker, on_done, &ping);
    await_end(&ping);
    if (ping.failed) {
        print_message("skipped, no Docker Engine: %s\n", ping.err.message);
        return 0;
    }
    engine.answers = true;
    ident_random(engine.run, sizeof(engine.run) - 1);
    snprintf(engine.label, sizeof(engine.label), "berth.test=%s", engine.run);
    snprintf(engine.image, sizeof(engine.image), "berth-test-docker:%s", engine.run);
    snprintf(engine.folder, sizeof(engine.folder), "/tmp/berth-test-engine-XXXXXX");
    assert_non_null(mkdtemp(engine.folder));
    build_base();
    return 0;
}

static inline void on_ids(void *owner, const struct error *err, const struct docker_listing *entries,
                          size_t count)
{
    struct outcome *outcome = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&outcome->text, "%s\n", entries[i].id);
    note_end(outcome, err);
}

static inline void on_images(void *owner, const struct error *err, const struct docker_image *images,
                             size_t count)
{
    struct outcome *outcome = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&outcome->text, "%s\n", images[i].id);
    outcome->code = (int)count;
    note_end(outcome, err);
}

/* Removes all containers, or all images, of this run. */
static inline void remove_all(bool images)
{
    OUTCOME(listed);
    const char *const labels[] = {engine.label, NULL};
    if (images)
        docker_image_list(engine.bench.docker, labels, on_images, &listed);
    else
        docker_container_list(engine.bench.docker, labels, on_ids, &listed);
    assert_success(&listed);
    char *rest = listed.text.data, *id;
    while (rest && (id = strsep(&rest, "\n")) && *id) {
        OUTCOME(removed);
        if (images)
            docker_image_remove(engine.bench.docker, id, true, on_done, &removed);
        else
            docker_container_remove(engine.bench.docker, id, true, on_done, &removed);
        await_end(&removed); /* an image may have gone with the one built on it */
    }
}

/* With Docker's own command, because no part of the daemon removes networks. */
static inline void remove_networks(void)
{
    cleanup_free char *filter = xasprintf("label=%s", engine.label);
    char *const words[] = {"docker", "network", "prune", "--force", "--filter", filter, NULL};
    pid_t child;
    int status = -1;
    if (posix_spawnp(&child, words[0], NULL, NULL, words, environ) == 0)
        waitpid(child, &status, 0);
    if (status != 0)
        print_message("networks with the %s are left\n", filter);
}

static inline int tear_down(void **state)
{
    (void)state;
    if (engine.answers) {
        struct error err;
        remove_all(false);
        remove_all(true);
        remove_networks();
        fs_remove_tree(engine.folder, &err);
    }
    bench_close(&engine.bench);
    return 0;
}

/* After each test: none has a call of an earlier one under way, whether that was through or failed. */
static inline int end_calls(void **state)
{
    (void)state;
    bench_close(&engine.bench);
    bench_open(&engine.bench, NULL);
    return 0;
}

#define ENGINE_TEST(name) cmocka_unit_test_teardown(name, end_calls)

#endif
