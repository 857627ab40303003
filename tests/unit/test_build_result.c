#include "prepare/process/build_result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LAUNCH                                                                                               \
    "\"launch\": {\"image\": null, \"command\": [\"a\"], \"environment\": null, \"concurrency\": 1, "        \
    "\"transport\": 1, \"port\": 0, \"runtime\": {}}"

static const struct build_subject subject = {.function = "hello", .folder = "/f", .staged = "/s/x"};

static int parse(const char *text, struct build_result **ret_result, struct error *err)
{
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    int rc = build_result_parse(json, &subject, ret_result, err);
    json_decref(json);
    return rc;
}

static void test_package(void **state)
{
    (void)state;
    struct build_result *result;
    struct error err;
    const char *text =
        "{\"ok\": true, \"diagnostics\": [{\"severity\": \"warning\", \"message\": \"m\", \"file\": "
        "\"a.py\", \"line\": 2}], \"package\": {\"digest\": \"" DIGEST
        "\", \"bytes\": 9, \"files\": 2}, \"dependencies\": {\"key\": \"k\", \"argv\": [\"pip\"], "
        "\"environment\": null}, " LAUNCH "}";
    assert_int_equal(parse(text, &result, &err), 0);
    assert_true(result->ok);
    assert_string_equal(result->package.staged, "/s/x");
    assert_string_equal(result->package.digest, DIGEST);
    assert_int_equal(result->package.bytes, 9);
    assert_string_equal(result->diagnostics.items[0].file, "/f/a.py");
    assert_string_equal(result->diagnostics.items[0].function, "hello");
    assert_null(result->dependencies->environment[0]);
    assert_null(result->launch->environment[0]);
    assert_string_equal(result->launch->command[0], "a");
    build_result_destroy(result);
}

static void test_error(void **state)
{
    (void)state;
    struct build_result *result;
    struct error err;
    const char *text =
        "{\"ok\": false, \"diagnostics\": [], \"error\": {\"component\": \"plugin\", \"reason\": "
        "\"plugin-failed\", \"message\": \"no\", \"hint\": \"do\"}}";
    assert_int_equal(parse(text, &result, &err), 0);
    assert_false(result->ok);
    assert_string_equal(error_code_slug(result->error.code), "plugin-failed");
    assert_string_equal(result->error.hint, "do");
    assert_string_equal(result->output, "");
    build_result_destroy(result);
}

/* A result with three warnings, of which validate has found two. */
static struct build_result *looked_at(void)
{
    struct build_result *result;
    struct error err;
    const char *text = "{\"ok\": true, \"validated\": 2, \"diagnostics\": ["
                       "{\"severity\": \"warning\", \"message\": \"a\"}, "
                       "{\"severity\": \"warning\", \"message\": \"b\"}, "
                       "{\"severity\": \"warning\", \"message\": \"c\"}]}";
    assert_int_equal(parse(text, &result, &err), 0);
    return result;
}

static void test_revise(void **state)
{
    (void)state;
    struct build_result *result = looked_at(), *look;
    struct error err;
    const char *text =
        "{\"ok\": true, \"validated\": 1, \"diagnostics\": [{\"severity\": \"note\", \"message\": \"d\"}]}";
    assert_int_equal(parse(text, &look, &err), 0);
    build_result_revise(result, "hello", look);
    assert_int_equal(result->diagnostics.count, 2);
    assert_string_equal(result->diagnostics.items[0].message, "d");
    assert_string_equal(result->diagnostics.items[1].message, "c");
    build_result_destroy(result);
}

static void test_revise_with_what_failed(void **state)
{
    (void)state;
    struct build_result *result = looked_at();
    struct error err;
    error_set(&err, ERROR_PLUGIN_CRASHED, "it crashed");
    build_result_revise(result, "hello", build_result_failed(&err));
    assert_true(result->ok);
    assert_int_equal(result->diagnostics.count, 4);
    assert_string_equal(result->diagnostics.items[0].message, "a");
    const struct diagnostic *last = &result->diagnostics.items[3];
    assert_int_equal(last->severity, SEVERITY_WARNING);
    assert_string_equal(last->function, "hello");
    assert_string_equal(last->message, "what the installed dependencies say of it is not known: it crashed");
    build_result_destroy(result);
}

static void test_wrong_shapes(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"ok\": 1, \"diagnostics\": []}",
        "{\"ok\": true}",
        "{\"ok\": true, \"diagnostics\": [{}]}",
        "{\"ok\": true, \"diagnostics\": [7]}",
        "{\"ok\": true, \"diagnostics\": [], \"validated\": 1}",
        "{\"ok\": true, \"diagnostics\": [], \"validated\": -1}",
        "{\"ok\": false, \"diagnostics\": []}",
        "{\"ok\": false, \"diagnostics\": [], \"error\": {\"component\": \"x\", \"reason\": \"io\", "
        "\"message\": \"m\"}}",
        "{\"ok\": false, \"diagnostics\": [], \"error\": {\"component\": \"build\", \"reason\": \"x\", "
        "\"message\": \"m\"}}",
        "{\"ok\": true, \"diagnostics\": [], \"package\": {\"digest\": \"../../etc\", \"bytes\": 1, "
        "\"files\": 1}}",
        "{\"ok\": true, \"diagnostics\": [], \"package\": {\"digest\": \"" DIGEST
        "\", \"bytes\": -1, \"files\": 1}}",
        "{\"ok\": true, \"diagnostics\": [], \"package\": 5}",
        "{\"ok\": true, \"diagnostics\": [], \"dependencies\": {\"key\": \"k\", \"argv\": []}}",
        "{\"ok\": true, \"diagnostics\": [], \"dependencies\": {\"key\": \"k\", \"argv\": [1]}}",
        "{\"ok\": true, \"diagnostics\": [], \"dependencies\": {\"key\": \"k\", \"argv\": [\"a\"], "
        "\"environment\": [\"x\"]}}",
        "{\"ok\": true, \"diagnostics\": [], \"launch\": {\"concurrency\": 0, \"transport\": 1, \"port\": 0, "
        "\"runtime\": {}}}",
        "{\"ok\": true, \"diagnostics\": [], \"launch\": {\"concurrency\": 1, \"transport\": 2, \"port\": 0, "
        "\"runtime\": {}}}",
        "{\"ok\": true, \"diagnostics\": [], \"launch\": {\"concurrency\": 1, \"transport\": 1, \"port\": 0, "
        "\"runtime\": 1}}",
        "{\"ok\": true, \"diagnostics\": [], \"launch\": {\"concurrency\": 1, \"transport\": 1, \"port\": "
        "70000, \"runtime\": {}}}",
        "{\"ok\": true, \"diagnostics\": [], \"plugin\": {\"name\": \"x\"}}",
        "{\"ok\": true, \"diagnostics\": [], \"plugin\": {\"name\": \"x\", \"version\": \"1\", "
        "\"abi_major\": 1, "
        "\"abi_minor\": 0, \"options\": [{\"name\": \"o\", \"help\": \"h\", \"type\": 9}]}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct build_result *result = NULL;
        struct error err;
        if (parse(texts[i], &result, &err) == 0)
            fail_msg("accepted: %s", texts[i]);
        assert_null(result);
        assert_string_equal(error_code_slug(err.code), "plugin-protocol");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_package),      cmocka_unit_test(test_error),
        cmocka_unit_test(test_revise),       cmocka_unit_test(test_revise_with_what_failed),
        cmocka_unit_test(test_wrong_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
