/* What was deployed over the API as entries of the registry: where settings come from, and where findings
 * say that they are wrong. */
#include "config/deployed_entry.h"

#include "build_bench.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "registry_languages.h"

#include <string.h>

static const char other[] = "other:\n  configuration: {language: python, folder: other}\n";

/* Adds a function `sent` whose deployment and DEPLOYED_FILE, or none, are these, to a registry of that. */
static struct registry *add(const struct bench *bench, const char *configuration, const char *file,
                            const char *text)
{
    struct registry *registry = registry_parse("registry.yml", text, strlen(text), languages, 2);
    bench_file(bench, "base/functions/sent/sent.py", "", 0644);
    if (file)
        bench_file(bench, "base/functions/sent/" DEPLOYED_FILE, file, 0644);
    cleanup_free char *base = bench_path(bench, "base");
    json_t *settings = json_loads(configuration, 0, NULL);
    json_t *deployment = json_pack("{s:o}", "configuration", settings);
    const struct deployed_entry entry = {.name = "sent", .base = base, .deployment = deployment};
    registry_add_deployed(registry, &entry, languages, 2);
    json_decref(deployment);
    return registry;
}

static const struct function_settings *last(const struct registry *registry)
{
    return &registry->functions[registry->function_count - 1];
}

static const char *variable(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->environment_count; i++) {
        if (strcmp(settings->environment[i].name, name) == 0)
            return settings->environment[i].value;
    }
    return NULL;
}

static void test_settings(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct registry *registry =
        add(&bench, "{\"language\": \"python\", \"memory\": \"64Mi\", \"environment\": {\"B\": \"2\"}}",
            "version: 3\nconfiguration:\n  programing_language: shell\n  function_folder: elsewhere\n"
            "  memory: 32Mi\n  timeout: 5s\n  environment: {A: 1, B: 1}\n",
            "{}");
    const struct function_settings *sent = last(registry);
    assert_int_equal(registry->diagnostics.count, 1); /* the file itself has no function */
    assert_false(sent->broken);
    assert_non_null(sent->deployment);
    assert_string_equal(sent->name, "sent");
    assert_string_equal(sent->version, "3");
    assert_string_equal(sent->language, "python");
    assert_int_equal(sent->memory_bytes, 64 << 20);
    assert_int_equal(sent->timeout_ms, 5000);
    assert_string_equal(variable(sent, "A"), "1");
    assert_string_equal(variable(sent, "B"), "2");
    cleanup_free char *folder = bench_path(&bench, "base/functions/sent");
    assert_string_equal(sent->folder, folder);
    registry_destroy(registry);
    bench_close(&bench);
}

/* That the first error is about this function, and how it reads, less the folder of the bench. */
static void assert_error(const struct registry *registry, const char *expected)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity != SEVERITY_ERROR || strcmp(item->function, "sent") != 0)
            continue;
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, 4096);
        diagnostic_render_line(item, &line);
        const char *text = strbuf_text(&line), *within = strstr(text, "/base/");
        assert_string_equal(within ? within : text, expected);
        return;
    }
    fail_msg("nothing is found");
}

static void test_places(void **state)
{
    (void)state;
    static const struct {
        const char *configuration, *file, *expected;
    } cases[] = {
        {"{\"language\": \"python\", \"memory\": \"lots\"}", NULL,
         "deployment of sent: error: \"memory\" must be a size such as 128Mi or 1Gi, not \"lots\""},
        {"{}", NULL, "deployment of sent: error: the function has no \"configuration\""},
        {"{\"language\": \"python\"}", "configuration:\n  memroy: 1\n",
         "/base/functions/sent/function.yml:2:3: error: unknown key \"memroy\" in \"configuration\""},
        {"{\"language\": \"python\"}", "configuration: 1\n",
         "/base/functions/sent/function.yml:1:16: error: \"configuration\" must be a mapping, not \"1\""},
        {"{\"language\": \"python\"}", "- 1\n",
         "/base/functions/sent/function.yml:1:1: error: the file must be a mapping, not a list"},
        {"{\"language\": \"python\"}", "name: other\n",
         "/base/functions/sent/function.yml:1:7: error: the name here is \"other\", and it was deployed as "
         "\"sent\""},
        {"{\"language\": \"python\", \"nonsense\": [1, {\"a\": null}]}", "version: 1\n",
         "deployment of sent: error: unknown key \"nonsense\" in \"configuration\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bench bench;
        bench_open(&bench);
        struct registry *registry = add(&bench, cases[i].configuration, cases[i].file, other);
        assert_true(last(registry)->broken);
        assert_string_equal(last(registry)->name, "sent");
        assert_error(registry, cases[i].expected);
        registry_destroy(registry);
        bench_close(&bench);
    }
}

static void test_name_that_the_file_has_too(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    struct registry *registry =
        add(&bench, "{\"language\": \"python\"}", NULL,
            "sent:\n  configuration: {language: nothing}\nother:\n  configuration: {language: shell}\n");
    assert_int_equal(registry->function_count, 2);
    assert_string_equal(registry->functions[0].name, "other");
    assert_false(last(registry)->broken);
    assert_error(registry,
                 "registry.yml:1:1: error: the name \"sent\" belongs to a function that was deployed "
                 "over the API");
    registry_destroy(registry);
    bench_close(&bench);
}

static void test_damaged(void **state)
{
    (void)state;
    struct registry *registry = registry_empty("registry.yml", NULL);
    const struct deployed_entry entry = {.name = "sent", .base = "/nonexistent", .problem = "it is damaged"};
    registry_add_deployed(registry, &entry, languages, 2);
    assert_true(last(registry)->broken);
    assert_string_equal(last(registry)->name, "sent");
    assert_non_null(last(registry)->deployment);
    assert_error(registry, "deployment of sent: error: the deployment cannot be read: it is damaged");
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_name_that_the_file_has_too),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
