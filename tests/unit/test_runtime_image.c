#include "build_docker.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#define REQUESTS_MAX 8

struct image_bench {
    struct engine engine;
    struct runtime_images *images;
    const char *base; /* NULL: the usual one */
    char name[32], folder[96];
    unsigned done, lines;
    struct {
        bool failed, told;
        struct error err;
        char image[IMAGE_NAME_MAX], id[80], interpreter[IMAGE_INTERPRETER_MAX];
    } ends[REQUESTS_MAX];
    struct strbuf output, ids; /* of images that exist, one a line */
};

static void on_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct image_bench *bench = context;
    bench->lines++;
    assert_true(elapsed_ms < BENCH_GUARD_MS);
    strbuf_append_format(&bench->output, "%s\n", line);
}

static void on_done(void *context, const struct error *err, const struct image_facts *image,
                    const struct image_failure *failure)
{
    struct image_bench *bench = context;
    const char *output = failure ? failure->output : NULL;
    unsigned at = bench->done++;
    bench->ends[at].failed = err != NULL;
    if (err) {
        bench->ends[at].err = *err;
        bench->ends[at].told = output && strstr(output, "one\n") && strstr(output, "haunted\n");
        assert_null(image);
        return;
    }
    snprintf(bench->ends[at].image, sizeof(bench->ends[at].image), "%s", image->name);
    snprintf(bench->ends[at].id, sizeof(bench->ends[at].id), "%s", image->id);
    snprintf(bench->ends[at].interpreter, sizeof(bench->ends[at].interpreter), "%s", image->interpreter);
}

static const struct runtime_image_callbacks callbacks = {.line = on_line, .done = on_done};

static void write_dockerfile(const struct image_bench *bench, const char *steps)
{
    cleanup_free char *text = xasprintf("ARG BERTH_BASE\nFROM ${BERTH_BASE}\n%s\n", steps);
    bench_file(&bench->engine.bench, "image/Dockerfile", text, 0644);
}

static void open_images(struct image_bench *bench, const char *base)
{
    *bench = (struct image_bench){0};
    engine_open(&bench->engine);
    strbuf_init(&bench->output, 1 << 20);
    strbuf_init(&bench->ids, 1 << 16);
    snprintf(bench->name, sizeof(bench->name), "test-%s", bench->engine.id);
    snprintf(bench->folder, sizeof(bench->folder), "%s/image", bench->engine.bench.dir);
    const struct runtime_images_options options = {.docker = bench->engine.docker,
                                                   .background = bench->engine.background};
    bench->base = base;
    bench->images = runtime_images_create(&options);
}

static struct runtime_image_wish wish_of(const struct image_bench *bench)
{
    return (struct runtime_image_wish){.name = bench->name, .base = bench->base, .folder = bench->folder};
}

static struct runtime_image_request *ensure(struct image_bench *bench)
{
    const struct runtime_image_wish wish = wish_of(bench);
    return runtime_images_ensure(bench->images, &wish, &callbacks, bench);
}

static void ensure_and_wait(struct image_bench *bench)
{
    unsigned before = bench->done;
    ensure(bench);
    assert_int_equal(bench->done, before);
    bench_wait(&bench->engine.bench, &bench->done, before + 1);
}

static void on_images(void *owner, const struct error *err, const struct docker_image *images, size_t count)
{
    struct image_bench *bench = owner;
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(&bench->ids, "%s\n", images[i].id);
    engine_note(&bench->engine, err, count);
}

static void on_removed(void *owner, const struct error *err)
{
    struct image_bench *bench = owner;
    engine_note(&bench->engine, err, 0);
}

/* Removes the images that the test made. */
static void close_images(struct image_bench *bench)
{
    struct engine *engine = &bench->engine;
    unsigned before = engine->answers;
    cleanup_free char *label = xasprintf("berth.runtime=%s", bench->name);
    const char *const labels[] = {"berth.image", label, NULL};
    docker_image_list(engine->docker, labels, on_images, bench);
    bench_wait(&engine->bench, &engine->answers, before + 1);
    for (const char *id = strbuf_text(&bench->ids); *id;) {
        size_t length = strcspn(id, "\n");
        cleanup_free char *copy = xstrndup(id, length);
        before = engine->answers;
        docker_image_remove(engine->docker, copy, true, on_removed, bench);
        bench_wait(&engine->bench, &engine->answers, before + 1);
        id += length + 1;
    }
    runtime_images_destroy(bench->images);
    strbuf_clear(&bench->output);
    strbuf_clear(&bench->ids);
    engine_close(engine);
}

static void test_built_once(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    cleanup_free char *step = xasprintf("RUN echo from step %s", bench.name);
    cleanup_free char *line = xasprintf("\nfrom step %s\n", bench.name);
    write_dockerfile(&bench, step);
    ensure(&bench);
    ensure(&bench);
    bench_wait(&bench.engine.bench, &bench.done, 2);
    assert_false(bench.ends[0].failed);
    assert_string_equal(bench.ends[0].image, bench.ends[1].image);
    cleanup_free char *prefix = xasprintf("berth-runtime-%s:", bench.name);
    assert_int_equal(strncmp(bench.ends[0].image, prefix, strlen(prefix)), 0);
    assert_int_equal(strlen(bench.ends[0].image), strlen(prefix) + 16);
    assert_int_equal(strncmp(bench.ends[0].id, "sha256:", 7), 0);
    const char *first = strstr(strbuf_text(&bench.output), line);
    assert_non_null(first);
    assert_null(strstr(first + 1, line));

    unsigned lines = bench.lines;
    ensure_and_wait(&bench);
    assert_string_equal(bench.ends[2].id, bench.ends[0].id);
    assert_int_equal(bench.lines, lines);

    bench_file(&bench.engine.bench, "image/extra", "new", 0644);
    ensure_and_wait(&bench);
    assert_false(bench.ends[3].failed);
    assert_string_not_equal(bench.ends[3].image, bench.ends[0].image);
    close_images(&bench);
}

/* On this runtime image, of that id. */
static void ensure_builder_and_wait(struct image_bench *bench, const char *runtime_image_id)
{
    unsigned before = bench->done;
    const struct runtime_image_wish wish = wish_of(bench);
    runtime_images_ensure_builder(bench->images, &wish, TEST_BASE_IMAGE, runtime_image_id, &callbacks, bench);
    bench_wait(&bench->engine.bench, &bench->done, before + 1);
    assert_false(bench->ends[before].failed);
}

static void test_builder_image_stands_on_the_runtime_image(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    bench_file(&bench.engine.bench, "image/Dockerfile",
               "ARG BERTH_RUNTIME\nFROM ${BERTH_RUNTIME}\nRUN true\n", 0644);
    ensure_builder_and_wait(&bench, "sha256:one");
    ensure_builder_and_wait(&bench, "sha256:other");
    ensure_builder_and_wait(&bench, "sha256:one");
    cleanup_free char *prefix = xasprintf(BUILDER_IMAGE_PREFIX "%s:", bench.name);
    assert_int_equal(strncmp(bench.ends[0].image, prefix, strlen(prefix)), 0);
    assert_string_not_equal(bench.ends[1].image, bench.ends[0].image);
    assert_string_equal(bench.ends[2].image, bench.ends[0].image);
    close_images(&bench);
}

/* However much of its build is known from before. */
static void test_image_tells_what_it_runs_functions_with(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    write_dockerfile(&bench, "RUN true\nARG BERTH_BUILD\nRUN echo 'berth-interpreter: Toy 4.2'; echo more");
    ensure_and_wait(&bench);
    ensure_and_wait(&bench);
    assert_string_equal(bench.ends[0].interpreter, "Toy 4.2");
    assert_string_equal(bench.ends[1].interpreter, "Toy 4.2");
    assert_string_equal(bench.ends[1].id, bench.ends[0].id);
    assert_null(strstr(strbuf_text(&bench.output), "\nberth-interpreter: "));
    write_dockerfile(&bench, "RUN true");
    ensure_and_wait(&bench);
    assert_string_equal(bench.ends[2].interpreter, "");
    close_images(&bench);
}

static void test_failing_step(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    write_dockerfile(&bench, "RUN echo one; echo the disk is haunted >&2; exit 3");
    ensure_and_wait(&bench);
    assert_true(bench.ends[0].failed);
    assert_string_equal(error_component_name(bench.ends[0].err.component), "build");
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "image-build");
    assert_non_null(strstr(bench.ends[0].err.message, "the disk is haunted"));
    assert_non_null(strstr(bench.ends[0].err.hint, "/image/Dockerfile"));
    assert_true(bench.ends[0].told);
    close_images(&bench);
}

static void test_missing_base(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, "no-such-release");
    write_dockerfile(&bench, "");
    ensure_and_wait(&bench);
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "base-image-missing");
    assert_string_equal(bench.ends[0].err.hint, "run scripts/base-image no-such-release");
    close_images(&bench);
}

static void test_missing_folder(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    ensure_and_wait(&bench);
    assert_string_equal(error_code_slug(bench.ends[0].err.code), "image-folder");
    assert_non_null(strstr(bench.ends[0].err.message, bench.folder));
    close_images(&bench);
}

static void test_cancel(void **state)
{
    (void)state;
    struct image_bench bench;
    open_images(&bench, NULL);
    write_dockerfile(&bench, "RUN echo started; sleep 30");
    struct runtime_image_request *early = ensure(&bench), *late = ensure(&bench);
    runtime_image_cancel(early);
    bench_wait(&bench.engine.bench, &bench.lines, 1);
    runtime_image_cancel(late);
    ensure(&bench);
    bench_idle(&bench.engine.bench, 50);
    assert_int_equal(bench.done, 0);
    close_images(&bench); /* with a build under way */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_built_once),
        cmocka_unit_test(test_builder_image_stands_on_the_runtime_image),
        cmocka_unit_test(test_image_tells_what_it_runs_functions_with),
        cmocka_unit_test(test_failing_step),
        cmocka_unit_test(test_missing_base),
        cmocka_unit_test(test_missing_folder),
        cmocka_unit_test(test_cancel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
