/* What POST /.berth/init tells the runner. */
#include "fleet/revision/init_settings.h"

#include "base/alloc.h"
#include "fleet/revision/server_environment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *make(const char *dependency_name, size_t variables)
{
    struct text_pair environment[] = {{"GREETING", "hi \"there\""}, {"EMPTY", ""}};
    struct function_settings settings = {
        .name = "hello", .timeout_ms = 1, .environment = environment, .environment_count = variables};
    struct build_launch launch = {.runtime = (char *)"{\"file\":\"hello.py\"}"};
    struct prepared prepared = {
        .digest = "0f3c", .dependency_name = (char *)dependency_name, .launch = &launch};
    json_t *json = init_settings_make(&settings, &prepared, 8, 60000);
    return json;
}

static void assert_json(json_t *json, const char *expected)
{
    json_t *other = json_loads(expected, 0, NULL);
    assert_non_null(other);
    if (!json_equal(json, other)) {
        char *text = json_dumps(json, JSON_SORT_KEYS);
        fail_msg("%s", text);
    }
    json_decref(other);
    json_decref(json);
}

static void has_the_protocol_s_members(void **state)
{
    (void)state;
    assert_json(make("9ae1", 2),
                "{\"protocol\": 1, \"function\": \"hello\", \"revision\": \"0f3c\", \"code\": "
                "\"/berth/code\", \"work\": \"/work\","
                "\"dependencies\": \"/berth/dependencies/9ae1\", \"concurrency\": 8, \"timeout_ms\": 60000,"
                "\"environment\": {\"GREETING\": \"hi \\\"there\\\"\", \"EMPTY\": \"\"},"
                "\"runtime\": {\"file\": \"hello.py\"}}");
    assert_json(make(NULL, 0),
                "{\"protocol\": 1, \"function\": \"hello\", \"revision\": \"0f3c\", \"code\": "
                "\"/berth/code\", \"work\": \"/work\","
                "\"dependencies\": null, \"concurrency\": 8, \"timeout_ms\": 60000, \"environment\": {},"
                "\"runtime\": {\"file\": \"hello.py\"}}");
}

/* Which variables a server gets, and whose count. */
static void a_server_finds_each_variable_once(void **state)
{
    (void)state;
    struct text_pair own[] = {{"PORT", "1"}, {"COLOR", "red"}};
    struct function_settings settings = {.name = "web", .environment = own, .environment_count = 2};
    char *launched[] = {(char *)"COLOR=blue", (char *)"PORTS=2", NULL};
    struct build_launch launch = {.environment = launched, .port = 8080};
    struct prepared prepared = {.launch = &launch};
    static const char *const expected[] = {"PORT=1", "COLOR=red", "PORTS=2", "OPENFAAS_NAME=web"};
    char **found = server_environment_make(&settings, &prepared);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(found[i], expected[i]);
    assert_null(found[4]);
    texts_free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(has_the_protocol_s_members),
                                       cmocka_unit_test(a_server_finds_each_variable_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
