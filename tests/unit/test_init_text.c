/* What a runner is sent with its secrets in it, and what a program finds in its environment. */
#include "fleet/instance/init_text.h"

#include "base/cleanup.h"
#include "prepare/store/secret_store.h"

#include "own_folder.h"

#include <string.h>

static struct secret_store *open_store(const struct folder *folder)
{
    cleanup_free char *key = xasprintf("%s/key", folder->path);
    struct secret_store *store;
    struct error err;
    assert_int_equal(secret_store_open(folder->path, key, &store, &err), 0);
    return store;
}

static void put(struct secret_store *store, const char *name, const char *value)
{
    struct error err;
    assert_int_equal(secret_store_put(store, name, value, strlen(value), &err), 0);
}

static struct secret_use uses[] = {
    {.name = "file"}, {.name = "plain", .variable = "KEY"}, {.name = "odd", .variable = "ODD"}};

static const char odd[] = "q\"b\\\n\t\x01\x1f\x7f\xc3\xbc/";

static void values_are_texts_of_the_json(void **state)
{
    struct secret_store *store = open_store(*state);
    static const char *const environments[] = {"{}", "{\"A\":\"1\",\"B\":\"2\"}", NULL};
    put(store, "plain", "value");
    put(store, "odd", odd);
    for (size_t i = 0; i < 3; i++) {
        struct error err;
        cleanup_locked struct locked text = {0};
        json_t *settings = json_pack("{s:i, s:{s:s}}", "protocol", 1, "runtime", "x", "y");
        if (environments[i])
            json_object_set_new(settings, "environment", json_loads(environments[i], 0, NULL));
        assert_int_equal(init_text_make(settings, uses, 3, store, &text, &err), 0);
        assert_int_equal(strlen(text.bytes), text.size);
        json_t *parsed = json_loadb(text.bytes, text.size, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(parsed);
        const json_t *environment = json_object_get(parsed, "environment");
        assert_string_equal(json_string_value(json_object_get(environment, "KEY")), "value");
        assert_string_equal(json_string_value(json_object_get(environment, "ODD")), odd);
        assert_int_equal(json_object_size(environment), i == 1 ? 4 : 2);
        assert_int_equal(json_integer_value(json_object_get(parsed, "protocol")), 1);
        json_decref(parsed);
        json_decref(settings);
    }
    secret_store_close(store);
}

static void without_secrets_it_is_the_settings(void **state)
{
    (void)state;
    struct error err;
    cleanup_locked struct locked text = {0};
    json_t *settings = json_pack("{s:{s:s}, s:i}", "environment", "A", "1", "protocol", 1);
    assert_int_equal(init_text_make(settings, NULL, 0, NULL, &text, &err), 0);
    json_t *parsed = json_loadb(text.bytes, text.size, 0, NULL);
    assert_true(json_equal(parsed, settings));
    json_decref(parsed);
    json_decref(settings);
}

static void entries_end_with_a_nul_each(void **state)
{
    struct secret_store *store = open_store(*state);
    struct error err;
    cleanup_locked struct locked entries = {0};
    static const char expected[] = "KEY=value\0ODD=";
    put(store, "plain", "value");
    put(store, "odd", odd);
    assert_int_equal(init_text_environment(uses, 3, store, &entries, &err), 0);
    assert_int_equal(entries.size, sizeof(expected) - 1 + sizeof(odd));
    assert_memory_equal(entries.bytes, expected, sizeof(expected) - 1);
    assert_memory_equal(entries.bytes + sizeof(expected) - 1, odd, sizeof(odd));
    secret_store_close(store);
}

static void what_cannot_be_had_is_told(void **state)
{
    struct secret_store *store = open_store(*state);
    struct error err;
    struct locked text = {0};
    json_t *settings = json_object();
    assert_int_equal(init_text_make(settings, uses, 3, store, &text, &err), -1);
    assert_int_equal(err.code, ERROR_SECRET_MISSING);
    assert_non_null(strstr(err.message, "\"plain\""));
    assert_string_equal(err.hint, "berth secret set plain");
    json_decref(settings);
    secret_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(values_are_texts_of_the_json),
        FOLDER_TEST(without_secrets_it_is_the_settings),
        FOLDER_TEST(entries_end_with_a_nul_each),
        FOLDER_TEST(what_cannot_be_had_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
