/* The Docker client's calls about images, against the real engine. */
#include "docker_real.h"

struct seen_image {
    struct outcome outcome;
    char label[64];
};

static void on_image(void *owner, const struct error *err, const struct docker_image *image)
{
    struct seen_image *seen = owner;
    snprintf(seen->outcome.id, sizeof(seen->outcome.id), "%s", image ? image->id : "");
    const char *label = image ? docker_label(image->labels, "berth.test") : NULL;
    snprintf(seen->label, sizeof(seen->label), "%s", label ? label : "");
    note_end(&seen->outcome, err);
}

static void images_are_built_listed_and_removed(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(built);
    OUTCOME(listed);
    OUTCOME(removed);
    cleanup_free char *tag = xasprintf("berth-test-docker:built-%s", engine.run);
    build_image(&built,
                "ARG BERTH_BASE\nFROM ${BERTH_BASE}\nCOPY extra /extra\n"
                "RUN [\"/program\", \"say\", \"from the build\", \"\", \"0\"]\n",
                tag);
    assert_success(&built);
    assert_non_null(strstr(strbuf_text(&built.text), "from the build\n"));

    struct seen_image seen = {.label = ""};
    outcome_init(&seen.outcome, &engine.bench);
    docker_image_inspect(engine.bench.docker, tag, on_image, &seen);
    assert_success(&seen.outcome);
    assert_string_equal(seen.outcome.id, built.id);
    assert_string_equal(seen.label, engine.run);
    docker_image_list(engine.bench.docker, (const char *const[]){engine.label, NULL}, on_images, &listed);
    assert_success(&listed);
    assert_non_null(strstr(strbuf_text(&listed.text), built.id));
    docker_image_remove(engine.bench.docker, tag, false, on_done, &removed);
    assert_success(&removed);

    struct seen_image gone = {.label = ""};
    outcome_init(&gone.outcome, &engine.bench);
    docker_image_inspect(engine.bench.docker, tag, on_image, &gone);
    assert_failure(&gone.outcome, "not-found");
}

static void a_failing_build_names_the_step(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(failed);
    OUTCOME(broken);
    build_image(&failed,
                "ARG BERTH_BASE\nFROM ${BERTH_BASE}\nRUN [\"/program\", \"say\", \"\", \"no luck\", \"3\"]\n",
                "berth-test-docker:never");
    assert_failure(&failed, "build-failed");
    assert_non_null(strstr(failed.err.message, ": RUN [\"/program\""));
    assert_non_null(strstr(failed.err.message, "non-zero code: 3"));
    assert_non_null(strstr(strbuf_text(&failed.text), "no luck\n"));
    build_image(&broken, "NONSENSE\n", "berth-test-docker:never");
    await_end(&broken);
    assert_true(broken.failed);
    assert_non_null(strstr(broken.err.message, "NONSENSE"));
}

#define STREAMED_BYTES (8 << 20)

/* More than any socket buffers, so that sending waits for the engine; then one byte too many. */
static void big_contexts_are_streamed_up_to_the_limit(void **state)
{
    (void)state;
    NEED_ENGINE();
    OUTCOME(built);
    OUTCOME(refused);
    char *folder = xasprintf("%s/context", engine.folder), *big = xasprintf("%s/context/big", engine.folder);
    put_text(folder, "big", "");
    assert_int_equal(truncate(big, STREAMED_BYTES), 0);
    build_image(&built, "ARG BERTH_BASE\nFROM ${BERTH_BASE}\n", "berth-test-docker:big");
    assert_success(&built);
    assert_int_equal(truncate(big, DOCKER_BUILD_CONTEXT_MAX + 1), 0);
    build_image(&refused, "ARG BERTH_BASE\nFROM ${BERTH_BASE}\n", "berth-test-docker:big");
    assert_failure(&refused, "build-context");
    assert_int_equal(unlink(big), 0);
    free(folder);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ENGINE_TEST(images_are_built_listed_and_removed),
        ENGINE_TEST(a_failing_build_names_the_step),
        ENGINE_TEST(big_contexts_are_streamed_up_to_the_limit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
