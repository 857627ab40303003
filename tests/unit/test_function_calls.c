/* Settings of calls that are done later: what they mean, and what is said about wrong ones. */
#include "base/json.h"
#include "config/function_settings.h"
#include "config/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct registry *parse(const char *configuration)
{
    char text[2000];
    snprintf(text, sizeof(text),
             "greet:\n  configuration:\n    language: python\n    %s\nhello: {configuration: {language: "
             "python}}\n",
             configuration);
    struct registry *registry = registry_parse("r.yml", text, strlen(text), NULL, 0);
    registry_resolve_functions(registry);
    return registry;
}

static const struct diagnostic *find(const struct registry *registry, const char *message)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        if (strstr(registry->diagnostics.items[i].message, message))
            return &registry->diagnostics.items[i];
    }
    fail_msg("nothing says: %s", message);
    return NULL;
}

static void assert_words(const struct retry_causes *causes, const char *words)
{
    json_t *json = retry_causes_json(causes);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, words);
    free(text);
    json_decref(json);
}

static void test_defaults(void **state)
{
    (void)state;
    struct registry *registry = parse("");
    const struct call_settings *calls = &registry->functions[0].calls;
    assert_int_equal(calls->concurrency, 4);
    assert_int_equal(calls->retries, 5);
    assert_int_equal(calls->retry_wait_ms, 1000);
    assert_int_equal(calls->retry_wait_max_ms, 600000);
    assert_int_equal(calls->max_age_ms, 24 * 3600 * 1000);
    assert_int_equal(calls->result_ttl_ms, 3600 * 1000);
    assert_null(calls->on_success);
    assert_null(calls->on_failure);
    assert_null(calls->callback_secret);
    assert_words(&calls->retry_on, "[\"429\",\"5xx\",\"timeout\",\"connection\"]");
    assert_int_equal(registry->host.calls_max, 1000000);
    assert_int_equal(registry->host.calls_disk_bytes, 1 << 30);
    assert_int_equal(registry->host.callback_networks.count, 0);
    registry_destroy(registry);
}

static void test_causes(void **state)
{
    (void)state;
    static const struct {
        const char *written, *means;
    } cases[] = {
        {"[]", "[]"},
        {"[4xx]", "[\"4xx\"]"},
        {"[503, 500, 503]", "[\"500\",\"503\"]"},
        {"\"408, 599 timeout\"", "[\"408\",\"599\",\"timeout\"]"},
        {"connection", "[\"connection\"]"},
        {"[5xx, 599]", "[\"5xx\"]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char line[200];
        snprintf(line, sizeof(line), "retry_on: %s", cases[i].written);
        struct registry *registry = parse(line);
        assert_int_equal(diagnostics_errors(&registry->diagnostics, "greet"), 0);
        assert_words(&registry->functions[0].calls.retry_on, cases[i].means);
        registry_destroy(registry);
    }
}

static void test_statuses_that_are_repeated(void **state)
{
    (void)state;
    struct retry_causes causes = {0};
    assert_true(retry_causes_add(&causes, "400,", 3));
    assert_true(retry_causes_add(&causes, "5xx", 3));
    assert_false(retry_causes_add(&causes, "5xx", 2));
    assert_true(retry_causes_have_status(&causes, 400));
    assert_true(retry_causes_have_status(&causes, 500));
    assert_true(retry_causes_have_status(&causes, 599));
    static const int others[] = {-1, 0, 200, 399, 401, 499, 600, 1000};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(retry_causes_have_status(&causes, others[i]));
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
        unsigned column;
    } cases[] = {
        {"retry_on: [5xx, 399]", "\"399\" is none", "such as [5xx", 21},
        {"retry_on: {a: 1}", "a mapping is none", "such as", 15},
        {"retry_on: [timeout, tiemout]", "\"tiemout\" is none", "such as", 25},
        {"retry_wait: 11m", "(660000 ms) is above \"retry_wait_max\" (600000 ms)",
         "set \"retry_wait_max\" too", 17},
        {"on_success: a/b", "\"a/b\" cannot be a function", "name of a function", 17},
        {"on_success: helloo", "there is no function \"helloo\"", "did you mean \"hello\"?", 17},
        {"on_failure: greett", "there is no function \"greett\"", "did you mean \"greet\"?", 17},
        {"callback_secret: a/b", "\"a/b\" cannot be the name of a secret", "letters, digits", 22},
        {"async_concurrency: 0", "out of range", "from 1 to 1000", 24},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct registry *registry = parse(cases[i].text);
        const struct diagnostic *item = find(registry, cases[i].message);
        assert_int_equal(item->severity, SEVERITY_ERROR);
        assert_non_null(strstr(item->hint, cases[i].hint));
        assert_int_equal(item->line, 4);
        assert_int_equal(item->column, cases[i].column);
        assert_true(registry->functions[0].broken);
        registry_destroy(registry);
    }
}

/* It may be deployed over the API. */
static void test_a_function_that_there_may_be_later_is_a_warning(void **state)
{
    (void)state;
    struct registry *registry = parse("on_failure: elsewhere");
    const struct diagnostic *item = find(registry, "there is no function \"elsewhere\" yet");
    assert_int_equal(item->severity, SEVERITY_WARNING);
    assert_false(registry->functions[0].broken);
    registry_destroy(registry);
}

static void test_functions_that_there_are(void **state)
{
    (void)state;
    struct registry *registry = parse("on_success: hello\n    on_failure: greet");
    assert_int_equal(registry->diagnostics.count, 0);
    assert_string_equal(registry->functions[0].calls.on_success, "hello");
    assert_string_equal(registry->functions[0].calls.on_failure, "greet");
    registry_destroy(registry);
}

static void test_the_secret_of_callbacks_is_one_that_there_is(void **state)
{
    (void)state;
    static const struct known_secret item = {.name = (char *)"signing-key"};
    static const struct known_secrets known = {&item, 1};
    struct registry *registry = parse("callback_secret: signing-kei");
    registry_resolve_secrets(registry, &known);
    assert_non_null(strstr(find(registry, "there is no secret \"signing-kei\"")->hint, "signing-key"));
    assert_int_equal(find(registry, "there is no secret")->column, 22);
    registry_destroy(registry);
    registry = parse("callback_secret: a/b");
    registry_resolve_secrets(registry, &known);
    assert_int_equal(diagnostics_errors(&registry->diagnostics, "greet"), 1);
    registry_destroy(registry);
    registry = parse("callback_secret: signing-key");
    registry_resolve_secrets(registry, &known);
    assert_false(registry->functions[0].broken);
    registry_destroy(registry);
}

static void test_kept_and_recalled(void **state)
{
    (void)state;
    struct error err;
    struct registry *again,
        *registry = parse("retry_on: [404, 5xx, connection]\n    retries: 0\n    on_success: hello\n"
                          "    callback_secret: key\n    result_ttl: 0\n    max_age: 720h");
    json_t *kept = function_settings_keep(&registry->functions[0]);
    assert_int_equal(registry_of_kept("r.yml", kept, &again, &err), 0);
    json_t *shown = function_settings_json(&registry->functions[0]);
    json_t *shown_again = function_settings_json(&again->functions[0]);
    assert_true(json_equal(shown, shown_again));
    assert_int_equal(json_integer_value(json_object_get(shown, "max_age_ms")), 720LL * 3600 * 1000);
    assert_int_equal(json_integer_value(json_object_get(shown, "result_ttl_ms")), 0);
    assert_string_equal(json_string_value(json_object_get(shown, "on_success")), "hello");
    assert_words(&again->functions[0].calls.retry_on, "[\"404\",\"5xx\",\"connection\"]");
    json_t *configuration = json_object_get(kept, "configuration");
    json_object_set_new(configuration, "retry_on", json_pack("[s]", "now and then"));
    registry_destroy(again);
    assert_int_equal(registry_of_kept("r.yml", kept, &again, &err), -1);
    json_decref(shown);
    json_decref(shown_again);
    json_decref(kept);
    registry_destroy(registry);
}

/* The functions' folders are there. */
static int enter_data(void **state)
{
    (void)state;
    return chdir(TEST_DATA_DIR "/registry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_causes),
        cmocka_unit_test(test_statuses_that_are_repeated),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_a_function_that_there_may_be_later_is_a_warning),
        cmocka_unit_test(test_functions_that_there_are),
        cmocka_unit_test(test_the_secret_of_callbacks_is_one_that_there_is),
        cmocka_unit_test(test_kept_and_recalled),
    };
    return cmocka_run_group_tests(tests, enter_data, NULL);
}
