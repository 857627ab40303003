/* Secrets as functions name them: what is accepted, what is found to be wrong where, and what a digest holds.
 */
#include "config/registry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "registry_languages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIGEST_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct known_secret items[] = {
    {.name = "binary", .digest = DIGEST_B, .unfit = "has a NUL in it"},
    {.name = "lost", .problem = "the key file is not there"},
    {.name = "stripe-key", .digest = DIGEST_A},
};
static const struct known_secrets known = {items, 3};
static const struct known_secrets none = {0};

static struct registry *parse(const char *configuration, const struct known_secrets *secrets)
{
    cleanup_free char *text =
        xasprintf("hello:\n  configuration:\n    language: python\n    %s\n", configuration);
    struct registry *registry = registry_parse("r.yml", text, strlen(text), languages, 2);
    if (secrets)
        registry_resolve_secrets(registry, secrets);
    return registry;
}

/* The folder is not there, which is a finding too. */
static const struct diagnostic *find(const struct registry *registry, const char *part)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        if (strstr(registry->diagnostics.items[i].message, part))
            return &registry->diagnostics.items[i];
    }
    return NULL;
}

static void files_and_variables_are_read(void **state)
{
    (void)state;
    struct registry *registry =
        parse("secrets: [stripe-key, binary]\n    environment: {A: x, KEY: {secret: stripe-key}}", &known);
    const struct function_settings *settings = &registry->functions[0];
    assert_int_equal(settings->environment_count, 1);
    assert_int_equal(settings->secret_count, 3);
    assert_string_equal(settings->secrets[0].variable, "KEY");
    assert_string_equal(settings->secrets[0].name, "stripe-key");
    assert_string_equal(settings->secrets[0].digest, DIGEST_A);
    assert_null(settings->secrets[1].variable);
    assert_string_equal(settings->secrets[2].digest, DIGEST_B);
    assert_null(find(registry, "secret"));
    json_t *shown = function_settings_json(settings);
    json_t *expected = json_pack("{s:[s, s], s:{s:s}, s:[s]}", "secrets", "stripe-key", "binary",
                                 "environment_secrets", "KEY", "stripe-key", "environment", "A");
    const char *key;
    json_t *value;
    json_object_foreach(expected, key, value) assert_true(json_equal(json_object_get(shown, key), value));
    json_decref(shown);
    json_decref(expected);
    registry_destroy(registry);
}

static void what_is_wrong_has_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *configuration, *message, *hint;
        unsigned line, column;
    } rows[] = {
        {"secrets: [stripe-kay]", "there is no secret \"stripe-kay\"", "did you mean \"stripe-key\"?", 4, 15},
        {"secrets: [other]", "there is no secret \"other\"", "berth secret set other", 4, 15},
        {"secrets:\n    - lost", "cannot be had: the key file", "berth secret ls", 5, 7},
        {"secrets: [a, a]", "listed twice", "keep one", 4, 18},
        {"secrets: [a/b]", "\"a/b\" cannot be the name", "letters, digits", 4, 15},
        {"secrets: [[a]]", "a list cannot be the name", "letters, digits", 4, 15},
        {"secrets: stripe-key", "must be a list", NULL, 4, 14},
        {"environment: {K: {secret: no}}", "there is no secret \"no\"", "berth secret set no", 4, 31},
        {"environment: {K: {secret: binary}}", "cannot be a variable: its value has a NUL", "\"secrets\"", 4,
         31},
        {"environment: {K: {sekret: a}}", "must be a single value", "{secret: NAME}", 4, 22},
        {"environment: {K: {secret: a, b: c}}", "must be a single value", "{secret: NAME}", 4, 22},
        {"environment: {K: {secret: ..}}", "cannot be the name", "letters", 4, 31},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct registry *registry = parse(rows[i].configuration, &known);
        const struct diagnostic *item = find(registry, rows[i].message);
        if (!item) {
            fail_msg("%s", rows[i].configuration);
            return;
        }
        assert_int_equal(item->severity, SEVERITY_ERROR);
        assert_int_equal(item->line, rows[i].line);
        assert_int_equal(item->column, rows[i].column);
        assert_string_equal(item->function, "hello");
        if (rows[i].hint)
            assert_non_null(strstr(item->hint, rows[i].hint));
        assert_true(registry->functions[0].broken);
        registry_destroy(registry);
    }
}

static void there_may_be_a_limit_of_them(void **state)
{
    (void)state;
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 4096);
    strbuf_append_text(&text, "secrets: [");
    for (unsigned i = 0; i < 257; i++)
        strbuf_append_format(&text, "%s%u", i ? "," : "", i);
    strbuf_append_text(&text, "]");
    struct registry *registry = parse(strbuf_text(&text), &known);
    assert_non_null(find(registry, "\"secrets\" has 257 names; 256 are possible"));
    assert_int_equal(registry->functions[0].secret_count, 0);
    registry_destroy(registry);
}

static void digest_of(const struct registry *registry, char ret_hex[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    function_settings_hash(&registry->functions[0], CHANGE_REPLACES, hash);
    hash_finish(hash, ret_hex);
}

/* What a rotation is found by. */
static void another_value_is_another_digest(void **state)
{
    (void)state;
    char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE], third[HASH_HEX_SIZE];
    struct known_secret rotated = {.name = "stripe-key", .digest = DIGEST_B};
    struct registry *registry = parse("secrets: [stripe-key]", &known);
    struct function_settings *settings = &registry->functions[0];
    digest_of(registry, first);
    assert_false(function_settings_renew_secrets(settings, &known));
    assert_true(function_settings_renew_secrets(settings, &(struct known_secrets){&rotated, 1}));
    digest_of(registry, second);
    assert_string_not_equal(first, second);
    assert_true(function_settings_renew_secrets(settings, &none));
    assert_string_equal(settings->secrets[0].digest, "");
    registry_destroy(registry);
    registry = parse("environment: {K: {secret: stripe-key}}", &known);
    digest_of(registry, third);
    assert_string_not_equal(first, third);
    registry_destroy(registry);
}

static void kept_settings_have_names_and_digests(void **state)
{
    (void)state;
    struct error err;
    struct registry *registry =
                        parse("secrets: [binary]\n    environment: {KEY: {secret: stripe-key}}", &known),
                    *again;
    json_t *before = function_settings_keep(&registry->functions[0]);
    assert_int_equal(registry_of_kept("kept", before, &again, &err), 0);
    json_t *after = function_settings_keep(&again->functions[0]);
    assert_true(json_equal(before, after));
    assert_int_equal(again->functions[0].secret_count, 2);
    function_settings_renew_secrets(&again->functions[0], &none);
    json_t *renewed = function_settings_keep(&again->functions[0]);
    json_t *changed = function_settings_changed(before, renewed);
    json_t *expected = json_pack("[s, s]", "secrets.binary", "environment.KEY");
    assert_true(json_equal(changed, expected));
    json_object_set_new(before, "secrets", json_pack("{s:{s:s}}", "x", "secret", "../x"));
    struct registry *bad = NULL;
    assert_int_equal(registry_of_kept("kept", before, &bad, &err), -1);
    json_decref(before);
    json_decref(after);
    json_decref(renewed);
    json_decref(changed);
    json_decref(expected);
    registry_destroy(registry);
    registry_destroy(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_variables_are_read),
        cmocka_unit_test(what_is_wrong_has_its_place),
        cmocka_unit_test(there_may_be_a_limit_of_them),
        cmocka_unit_test(another_value_is_another_digest),
        cmocka_unit_test(kept_settings_have_names_and_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
