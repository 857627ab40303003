/* The YAML registry: what files mean, and what is said about wrong ones. The files of tests/data/registry
 * that end in .yml stand beside what has to be said about them (.expected; none: nothing is said). */
#include "config/registry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "config/function_settings.h"
#include "config/host_settings.h"
#include "registry_languages.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct registry *load(const char *path)
{
    struct error err;
    struct registry *registry;
    if (registry_load(path, languages, 2, NULL, &registry, &err) < 0)
        fail_msg("%s", err.message);
    return registry;
}

static struct registry *parse(const char *text)
{
    return registry_parse("inline.yml", text, strlen(text), languages, 2);
}

static const struct function_settings *find(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->function_count; i++) {
        if (strcmp(registry->functions[i].name, name) == 0)
            return &registry->functions[i];
    }
    return NULL;
}

/* The value of one of its own options, or NULL. */
static const char *option_of(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->option_count; i++) {
        if (strcmp(settings->options[i].name, name) == 0)
            return settings->options[i].value;
    }
    return NULL;
}

static void render_all(const struct registry *registry, struct strbuf *out)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        diagnostic_render(&registry->diagnostics.items[i], out);
        if (registry->diagnostics.items[i].function)
            strbuf_append_format(out, "  (function %s)\n", registry->diagnostics.items[i].function);
    }
}

/* Compares what is said about `name` with the file beside it. With UPDATE_EXPECTED set it is written instead.
 */
static void judge_file(const char *name)
{
    cleanup_free char *expected_path = xasprintf("%.*s.expected", (int)strlen(name) - 4, name);
    struct registry *registry = load(name);
    struct strbuf said;
    strbuf_init(&said, 1 << 20);
    render_all(registry, &said);
    struct error err;
    if (getenv("UPDATE_EXPECTED") && said.length > 0)
        assert_int_equal(fs_write_file(expected_path, said.data, said.length, 0644, &err), 0);
    char *expected = NULL;
    if (fs_exists(expected_path) && fs_read_file(expected_path, 1 << 20, &expected, NULL, &err) < 0)
        fail_msg("%s", err.message);
    print_message("%s\n", name);
    assert_string_equal(strbuf_text(&said), expected ? expected : "");
    free(expected);
    strbuf_clear(&said);
    registry_destroy(registry);
}

static void test_every_file_is_judged_as_expected(void **state)
{
    (void)state;
    cleanup_dir DIR *listing = opendir(".");
    const struct dirent *entry;
    size_t count = 0;
    while ((entry = readdir(listing))) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".yml") != 0)
            continue;
        judge_file(entry->d_name);
        count++;
    }
    assert_true(count >= 15);
}

static void check_folder(const struct function_settings *function, const char *expected)
{
    cleanup_free char *path = realpath(expected, NULL);
    assert_non_null(path);
    assert_string_equal(function->folder, path);
}

static void test_predecessors_file(void **state)
{
    (void)state;
    struct registry *registry = load("basic.yml");
    assert_int_equal(registry->diagnostics.count, 0);
    assert_int_equal(registry->function_count, 2);
    const struct function_settings *hello = find(registry, "hello"), *sums = find(registry, "sums");
    assert_string_equal(hello->key, "hello");
    assert_string_equal(hello->version, "2.1");
    assert_string_equal(hello->language, "python");
    assert_string_equal(hello->file, "hello.py");
    check_folder(hello, "functions/hello");
    assert_null(option_of(hello, "extra_dependencies"));
    assert_int_equal(hello->line, 2);
    assert_int_equal(hello->column, 3);
    assert_false(hello->broken);
    assert_string_equal(sums->version, "10");
    assert_string_equal(option_of(sums, "extra_dependencies"),
                        "transformers torch --extra-index-url https://download.example/cpu sentencepiece");
    registry_destroy(registry);
}

static void test_functions_at_the_top_level(void **state)
{
    (void)state;
    struct registry *registry = load("toplevel.yml");
    assert_int_equal(registry->diagnostics.count, 0);
    assert_int_equal(registry->function_count, 3);
    const struct function_settings *greet = find(registry, "Greet_me-2");
    assert_string_equal(greet->key, "greet");
    assert_string_equal(greet->language, "shell");
    check_folder(find(registry, "summary"), "python/functions/summary");
    assert_string_equal(find(registry, "hello")->language, "python");
    assert_int_equal(registry->host.workers, 2);
    assert_int_equal(registry->host.max_body_bytes, 10000000);
    assert_int_equal(registry->host.drain_timeout_ms, 90000);
    registry_destroy(registry);
}

static void test_function_defaults(void **state)
{
    (void)state;
    struct registry *registry = parse("hello: {configuration: {language: python}}");
    assert_int_equal(registry->diagnostics.count, 0);
    const struct function_settings *hello = &registry->functions[0];
    assert_string_equal(hello->name, "hello");
    assert_null(hello->version);
    assert_null(hello->file);
    assert_int_equal(hello->concurrency, 0);
    assert_int_equal(hello->memory_bytes, 256 << 20);
    assert_true(hello->cpus == 1.0);
    assert_int_equal(hello->timeout_ms, 60000);
    assert_int_equal(hello->idle_timeout_ms, 10000);
    assert_int_equal(hello->min_scale, 0);
    assert_int_equal(hello->max_scale, 20);
    assert_int_equal(hello->network, NETWORK_BRIDGE);
    assert_int_equal(hello->environment_count, 0);
    assert_int_equal(hello->option_count, 2);
    assert_string_equal(option_of(hello, "threads"), "8");
    assert_string_equal(option_of(hello, "debug"), "false");
    assert_null(option_of(hello, "ratio"));
    registry_destroy(registry);
}

static void check_host_defaults(const struct host_settings *host)
{
    assert_string_equal(host->listen, "0.0.0.0:8080");
    assert_string_equal(host->admin, "127.0.0.1:8081");
    assert_null(host->state_dir);
    assert_null(host->run_dir);
    assert_null(host->plugin_dir);
    assert_string_equal(host->docker_socket, "/var/run/docker.sock");
    assert_int_equal(host->workers, 0);
    assert_string_equal(host->log_level, "info");
    assert_string_equal(host->log_format, "text");
    assert_int_equal(host->max_head_bytes, 16 << 10);
    assert_int_equal(host->max_target_bytes, 8 << 10);
    assert_int_equal(host->max_headers, 100);
    assert_int_equal(host->max_body_bytes, 1 << 30);
    assert_int_equal(host->head_timeout_ms, 10000);
    assert_int_equal(host->keep_alive_timeout_ms, 75000);
    assert_int_equal(host->body_timeout_ms, 60000);
    assert_int_equal(host->max_connections, 10000);
    assert_int_equal(host->queue_length, 1000);
    assert_int_equal(host->queue_timeout_ms, 60000);
    assert_int_equal(host->max_instances, 0);
    assert_int_equal(host->max_memory_bytes, 0);
    assert_int_equal(host->prewarm, 2);
    assert_int_equal(host->build_timeout_ms, 30000);
    assert_int_equal(host->start_timeout_ms, 30000);
    assert_int_equal(host->drain_timeout_ms, 30000);
}

/* Also when the file is empty, or no YAML at all. */
static void test_host_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "host:\n", "a: [", "host: {}\n", "host: nothing\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct registry *registry = parse(texts[i]);
        check_host_defaults(&registry->host);
        assert_int_equal(registry->function_count, 0);
        assert_true(registry->diagnostics.count > 0);
        registry_destroy(registry);
    }
}

static void test_every_function_setting(void **state)
{
    (void)state;
    struct registry *registry = parse("hello:\n"
                                      "  name: other\n"
                                      "  configuration:\n"
                                      "    programming_language: py\n"
                                      "    folder: hello\n"
                                      "    file: hello.py\n"
                                      "    concurrency: '16'\n"
                                      "    memory: 64m\n"
                                      "    cpus: .5\n"
                                      "    timeout: 1.5\n"
                                      "    idle_timeout: 500 ms\n"
                                      "    min_scale: 1\n"
                                      "    max_scale: 1\n"
                                      "    network: none\n"
                                      "    environment: {A: 1, B: 'x y', _C2: true, D: , E: ''}\n"
                                      "    threads: +3\n"
                                      "    traceback: Yes\n"
                                      "    ratio: 0.25\n"
                                      "    extra_dependencies:\n");
    assert_int_equal(registry->diagnostics.count, 0);
    const struct function_settings *other = find(registry, "other");
    assert_string_equal(other->key, "hello");
    assert_string_equal(other->language, "python");
    assert_int_equal(other->concurrency, 16);
    assert_int_equal(other->memory_bytes, 64 << 20);
    assert_true(other->cpus == 0.5);
    assert_int_equal(other->timeout_ms, 1500);
    assert_int_equal(other->idle_timeout_ms, 500);
    assert_int_equal(other->min_scale, 1);
    assert_int_equal(other->max_scale, 1);
    assert_int_equal(other->network, NETWORK_NONE);
    assert_int_equal(other->environment_count, 4);
    assert_string_equal(other->environment[2].name, "_C2");
    assert_string_equal(other->environment[2].value, "true");
    assert_string_equal(other->environment[3].name, "E");
    assert_string_equal(other->environment[3].value, "");
    assert_string_equal(option_of(other, "threads"), "3");
    assert_string_equal(option_of(other, "debug"), "true");
    assert_string_equal(option_of(other, "ratio"), "0.25");
    assert_null(option_of(other, "extra_dependencies"));
    registry_destroy(registry);
}

static void test_findings_are_placed(void **state)
{
    (void)state;
    struct registry *registry = parse("hello:\n"
                                      "  configuration:\n"
                                      "    language: python\n"
                                      "    folder: hello\n"
                                      "    file: hello.py\n"
                                      "    extra_dependencies: --target /\n");
    static const struct {
        const char *file, *option;
        unsigned line, column;
    } cases[] = {
        {NULL, "extra_dependencies", 6, 25}, /* its value */
        {NULL, "threads", 1, 1}, /* has its default: the function's key */
        {NULL, "unheard-of", 1, 1},
        {NULL, NULL, 1, 1},
        {"hello.py", NULL, 0, 0}, /* has its place already */
    };
    struct diagnostics findings = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        diagnostics_add(&findings, &(struct diagnostic){.severity = SEVERITY_ERROR,
                                                        .file = (char *)cases[i].file,
                                                        .message = (char *)"wrong",
                                                        .option = (char *)cases[i].option});
    function_settings_place(find(registry, "hello"), "r.yml", &findings);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_string_equal(findings.items[i].file, cases[i].file ? cases[i].file : "r.yml");
        assert_int_equal(findings.items[i].line, cases[i].line);
        assert_int_equal(findings.items[i].column, cases[i].column);
        assert_null(findings.items[i].option);
    }
    diagnostics_clear(&findings);
    registry_destroy(registry);
}

static void test_a_broken_function_does_not_disturb_others(void **state)
{
    (void)state;
    struct registry *registry = load("mistakes.yml");
    assert_int_equal(registry->function_count, 2);
    assert_true(find(registry, "hello")->broken);
    assert_null(find(registry, "hello")->language);
    assert_false(find(registry, "good")->broken);
    assert_int_equal(diagnostics_errors(&registry->diagnostics, "good"), 0);
    assert_true(diagnostics_errors(&registry->diagnostics, "hello") >= 10);
    registry_destroy(registry);
}

/* Whose route it is stays; the other is left out, so that names are unique. */
static void test_duplicates(void **state)
{
    (void)state;
    struct registry *registry = load("routes.yml");
    size_t hellos = 0;
    for (size_t i = 0; i < registry->function_count; i++)
        hellos += strcmp(registry->functions[i].name, "hello") == 0;
    assert_int_equal(hellos, 1);
    assert_string_equal(find(registry, "hello")->key, "a");
    assert_false(find(registry, "hello")->broken);
    assert_true(find(registry, "system")->broken);
    assert_true(find(registry, "-bad")->broken);
    assert_false(find(registry, "fine")->broken);
    registry_destroy(registry);
}

static void test_six_mistakes_with_their_places(void **state)
{
    (void)state;
    static const unsigned places[][2] = {{3, 3}, {6, 13}, {7, 15}, {8, 5}, {9, 14}, {12, 3}};
    struct registry *registry = parse("host:\n"
                                      "  workers: 2\n"
                                      "  hed_timeout: 1s\n"
                                      "usable-functions:\n"
                                      "  hello: {configuration: {language: python, folder: hello,\n"
                                      "    memory: much,\n"
                                      "    timeout:  48h,\n"
                                      "    nonsense: 1,\n"
                                      "    network: [none]}}\n"
                                      "  good:\n"
                                      "    configuration: {language: python, folder: hello}\n"
                                      "  ui:\n"
                                      "    configuration: {language: python, folder: hello}\n");
    assert_int_equal(registry->diagnostics.count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(registry->diagnostics.items[i].line, places[i][0]);
        assert_int_equal(registry->diagnostics.items[i].column, places[i][1]);
    }
    registry_destroy(registry);
}

static void test_merge_keys(void **state)
{
    (void)state;
    struct registry *registry = load("merged.yml");
    const struct function_settings *copy = find(registry, "copy");
    assert_false(copy->broken);
    assert_string_equal(copy->language, "python");
    assert_int_equal(copy->memory_bytes, 64 << 20);
    assert_int_equal(copy->timeout_ms, 500);
    assert_int_equal(find(registry, "hello")->memory_bytes, 128 << 20);
    registry_destroy(registry);
}

/* Before plugins are probed the `host` section is read; nothing is said about languages. */
static void test_without_languages(void **state)
{
    (void)state;
    static const char text[] = "a: {configuration: {language: cobol, folder: hello, division: data}}\n"
                               "b: {configuration: {folder: hello}}\n"
                               "host: {prewarm: 0}\n";
    struct registry *registry = registry_parse("inline.yml", text, strlen(text), NULL, 0);
    assert_int_equal(registry->diagnostics.count, 0);
    assert_int_equal(registry->host.prewarm, 0);
    assert_string_equal(registry->functions[0].language, "cobol");
    registry_destroy(registry);
}

static void test_host_that_was_kept(void **state)
{
    (void)state;
    static const char *const broken[] = {"- none", "host: {queue_timeout: 9s, workers: many}",
                                         "hots: {}\na: [", "hsot: {queue_timeout: 9s}"};
    struct registry *before =
        parse("host: {trusted_proxies: [10.0.0.0/8, '::1'], volume_roots: [/usr], queue_timeout: 7s}");
    assert_true(before->host_known);
    json_t *kept = host_settings_keep(&before->host);
    for (size_t i = 0; i <= sizeof(broken) / sizeof(*broken); i++) {
        const char *text = i > 0 ? broken[i - 1] : "";
        struct registry *now = i > 0 ? registry_parse("inline.yml", text, strlen(text), languages, 2)
                                     : registry_empty("inline.yml", NULL);
        struct diagnostics restarts = {0};
        assert_false(now->host_known);
        registry_recall_host(now, kept);
        assert_int_equal(now->host.queue_timeout_ms, 7000);
        assert_int_equal(now->host.trusted_proxies.count, 2);
        assert_int_equal(now->host.volume_roots.count, 1);
        assert_string_equal(now->host.volume_roots.items[0], "/usr");
        registry_find_restarts(now, before, &restarts);
        assert_int_equal(restarts.count, 0);
        registry_destroy(now);
    }
    json_decref(kept);
    registry_destroy(before);
}

static void test_unreadable_file(void **state)
{
    (void)state;
    struct registry *registry = NULL;
    struct error err;
    assert_int_equal(registry_load("no-such-file.yml", NULL, 0, NULL, &registry, &err), -1);
    assert_string_equal(error_code_slug(err.code), "not-found");
    assert_int_equal(registry_load(".", NULL, 0, NULL, &registry, &err), -1);
    assert_null(registry);
}

static void test_too_large(void **state)
{
    (void)state;
    size_t size = (4u << 20) + 1;
    cleanup_free char *text = xmalloc(size);
    memset(text, ' ', size);
    struct registry *registry = registry_parse("inline.yml", text, size, NULL, 0);
    assert_int_equal(diagnostics_errors(&registry->diagnostics, NULL), 1);
    registry_destroy(registry);
}

static struct registry *many_functions(size_t count)
{
    struct strbuf text;
    strbuf_init(&text, 8 << 20);
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(
            &text,
            "f%zu:\n  version: 1\n  configuration:\n    language: python\n    folder: hello\n"
            "    file: hello.py\n    environment: {NUMBER: %zu}\n",
            i, i);
    struct registry *registry = registry_parse("inline.yml", text.data, text.length, languages, 2);
    strbuf_clear(&text);
    return registry;
}

static void test_a_thousand_functions(void **state)
{
    (void)state;
    uint64_t begin_us = clock_ns() / 1000;
    struct registry *registry = many_functions(1000);
    print_message("1000 functions in %lu us\n", (unsigned long)(clock_ns() / 1000 - begin_us));
    assert_int_equal(registry->diagnostics.count, 0);
    assert_int_equal(registry->function_count, 1000);
    assert_string_equal(registry->functions[999].environment[0].value, "999");
    registry_destroy(registry);
}

static void test_too_many_functions(void **state)
{
    (void)state;
    struct registry *registry = many_functions(10002);
    assert_int_equal(registry->function_count, 10000);
    assert_int_equal(registry->diagnostics.count, 1);
    assert_int_equal(registry->diagnostics.items[0].line, 70001);
    registry_destroy(registry);
}

/* More mistakes than are kept: all the functions that have one are known to be broken. */
static void test_more_mistakes_than_are_kept(void **state)
{
    (void)state;
    struct strbuf text;
    strbuf_init(&text, 1 << 20);
    for (size_t i = 0; i < 1500; i++)
        strbuf_append_format(&text, "f%zu: 1\n", i);
    struct registry *registry = parse(strbuf_text(&text));
    assert_int_equal(registry->diagnostics.count, 1000);
    assert_true(registry->functions[1499].broken);
    registry_destroy(registry);
    strbuf_clear(&text);
}

/* What another value does is said of every setting that holds one. */
static void test_every_setting_says_what_a_change_does(void **state)
{
    (void)state;
    static const struct setting_table *const tables[] = {&function_table, &configuration_table, &host_table};
    for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
        for (size_t j = 0; j < tables[i]->count; j++) {
            const struct setting *setting = &tables[i]->settings[j];
            bool holds_none = strcmp(setting->name, "configuration") == 0;
            bool restarts = setting->change == CHANGE_RESTARTS;
            if ((setting->change == CHANGE_NOTHING) != holds_none || (restarts && tables[i] != &host_table))
                fail_msg("%s", setting->name);
        }
    }
}

static void digest(const char *configuration, enum setting_change change, char ret_hex[HASH_HEX_SIZE])
{
    cleanup_free char *text = xasprintf("hello: {configuration: {language: python, %s}}\n", configuration);
    struct registry *registry = parse(text);
    struct hash *hash = hash_create();
    function_settings_hash(&registry->functions[0], change, hash);
    hash_finish(hash, ret_hex);
    registry_destroy(registry);
}

static void test_a_change_is_found_where_it_counts(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        enum setting_change change;
    } changes[] = {
        {"timeout: 1s", "timeout: 2s", CHANGE_APPLIES},
        {"request_buffering: true", "request_buffering: false", CHANGE_APPLIES},
        {"labels: {a: 1}", "labels: {a: 2}", CHANGE_APPLIES},
        {"labels: {a: 1}", "labels: {a: 1, b: 1}", CHANGE_APPLIES},
        {"retry_on: [500]", "retry_on: [501]", CHANGE_APPLIES},
        {"on_success: hello", "on_failure: hello", CHANGE_APPLIES},
        {"memory: 64Mi", "memory: 65Mi", CHANGE_REPLACES},
        {"cpus: 1", "cpus: 1.5", CHANGE_REPLACES},
        {"environment: {A: 1}", "environment: {A: 2}", CHANGE_REPLACES},
        {"environment: {A: 1}", "environment: {A: 1, B: 1}", CHANGE_REPLACES},
        {"system_packages: jq", "system_packages: jq bc", CHANGE_REPLACES},
        {"base_function_file_name: a", "base_function_file_name: b", CHANGE_PREPARES},
    };
    for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
        for (enum setting_change change = CHANGE_APPLIES; change <= CHANGE_PREPARES; change++) {
            char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE];
            digest(changes[i].before, change, before);
            digest(changes[i].after, change, after);
            bool differs = strcmp(before, after) != 0;
            if (differs != (change == changes[i].change))
                fail_msg("%s: %d", changes[i].after, (int)change);
        }
    }
}

static struct registry *parse_host(const char *text)
{
    return registry_parse("r.yml", text, strlen(text), NULL, 0);
}

static void test_settings_that_need_a_restart_are_named_with_their_place(void **state)
{
    (void)state;
    struct diagnostics found = {0};
    struct registry *before = parse_host("host: {workers: 2, log_level: info, queue_length: 5}\n");
    struct registry *now = parse_host("host:\n  workers: 3\n  trusted_proxies: 10.0.0.0/8\n  max_body: 7\n");
    registry_find_restarts(before, now, &found);
    assert_int_equal(found.count, 2);
    assert_non_null(strstr(found.items[0].message, "workers"));
    assert_int_equal(found.items[0].line, 2);
    assert_non_null(strstr(found.items[1].message, "trusted_proxies"));
    assert_int_equal(found.items[1].line, 3);
    host_settings_apply(&before->host, &now->host);
    assert_int_equal(before->host.max_body_bytes, 7);
    assert_int_equal(before->host.queue_length, 1000);
    assert_int_equal(before->host.workers, 2);
    diagnostics_clear(&found);
    registry_destroy(before);
    registry_destroy(now);
}

/* docs/settings.md is generated: UPDATE_EXPECTED=1 writes it. */
static void test_settings_page(void **state)
{
    (void)state;
    struct strbuf description;
    strbuf_init(&description, 1 << 20);
    registry_describe(&description);
    assert_false(description.overflowed);
    struct error err;
    if (getenv("UPDATE_EXPECTED"))
        assert_int_equal(fs_write_file(SETTINGS_PAGE, description.data, description.length, 0644, &err), 0);
    char *page;
    if (fs_read_file(SETTINGS_PAGE, 1 << 20, &page, NULL, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(page, description.data);
    free(page);
    strbuf_clear(&description);
}

static int enter_data(void **state)
{
    (void)state;
    return chdir(TEST_DATA_DIR "/registry");
}

static void the_host_section_outlives_the_functions(void **state)
{
    (void)state;
    static const char text[] = "host: {max_instances: 7}\nfoo: {configuration: {language: python}}\n";
    struct registry *registry = registry_parse("r.yml", text, sizeof(text) - 1, NULL, 0);
    registry_drop_functions(registry);
    assert_int_equal(registry->function_count, 0);
    assert_int_equal(registry->host.max_instances, 7);
    registry_destroy(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_section_outlives_the_functions),
        cmocka_unit_test(test_every_file_is_judged_as_expected),
        cmocka_unit_test(test_predecessors_file),
        cmocka_unit_test(test_functions_at_the_top_level),
        cmocka_unit_test(test_function_defaults),
        cmocka_unit_test(test_host_defaults),
        cmocka_unit_test(test_every_function_setting),
        cmocka_unit_test(test_findings_are_placed),
        cmocka_unit_test(test_a_broken_function_does_not_disturb_others),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_six_mistakes_with_their_places),
        cmocka_unit_test(test_merge_keys),
        cmocka_unit_test(test_without_languages),
        cmocka_unit_test(test_host_that_was_kept),
        cmocka_unit_test(test_unreadable_file),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_a_thousand_functions),
        cmocka_unit_test(test_too_many_functions),
        cmocka_unit_test(test_more_mistakes_than_are_kept),
        cmocka_unit_test(test_every_setting_says_what_a_change_does),
        cmocka_unit_test(test_a_change_is_found_where_it_counts),
        cmocka_unit_test(test_settings_that_need_a_restart_are_named_with_their_place),
        cmocka_unit_test(test_settings_page),
    };
    return cmocka_run_group_tests(tests, enter_data, NULL);
}
