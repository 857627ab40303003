/* The command line: every option, every way to write it, every mistake. */
#include "options.h"

#include "base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int parse(struct options *options, struct error *err, const char *const *words)
{
    char *argv[16] = {"berthd"};
    int argc = 1;
    while (words[argc - 1]) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    return options_parse(argc, argv, options, err);
}

static const struct {
    const char *name;
    size_t offset;
} texts[] = {
    {"--config", offsetof(struct options, config)},
    {"--listen", offsetof(struct options, listen)},
    {"--admin", offsetof(struct options, admin)},
    {"--state", offsetof(struct options, state_dir)},
    {"--run-dir", offsetof(struct options, run_dir)},
    {"--plugins", offsetof(struct options, plugin_dir)},
    {"--workers", offsetof(struct options, workers)},
    {"--log-level", offsetof(struct options, log_level)},
    {"--log-format", offsetof(struct options, log_format)},
    {"--test-plugin", offsetof(struct options, test_plugin)},
    {"--function", offsetof(struct options, function)},
    {"--only", offsetof(struct options, only)},
};

static const char *text_of(const struct options *options, size_t i)
{
    return *(const char *const *)((const char *)options + texts[i].offset);
}

static void every_option_takes_its_value_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct options options;
        struct error err;
        char joined[64];
        snprintf(joined, sizeof(joined), "%s=a=b", texts[i].name);
        assert_int_equal(parse(&options, &err, (const char *[]){texts[i].name, "value", NULL}), 0);
        assert_string_equal(text_of(&options, i), "value");
        assert_int_equal(parse(&options, &err, (const char *[]){joined, NULL}), 0);
        assert_string_equal(text_of(&options, i), "a=b");
        assert_int_equal(parse(&options, &err, (const char *[]){texts[i].name, "-", NULL}), 0);
        assert_string_equal(text_of(&options, i), "-");
    }
}

static void every_option_needs_its_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct options options;
        struct error err;
        char joined[64];
        snprintf(joined, sizeof(joined), "%s=", texts[i].name);
        const char *const *const mistakes[] = {
            (const char *[]){texts[i].name, NULL}, (const char *[]){texts[i].name, "", NULL},
            (const char *[]){joined, NULL}, (const char *[]){texts[i].name, "--check", NULL},
            (const char *[]){texts[i].name, "--listen=x", NULL}};
        for (size_t k = 0; k < COUNT(mistakes); k++) {
            assert_int_equal(parse(&options, &err, mistakes[k]), -1);
            assert_string_equal(error_code_slug(err.code), "usage");
            assert_non_null(strstr(err.message, texts[i].name));
            assert_non_null(strstr(err.message, "needs a value"));
        }
    }
}

static void an_option_may_take_two_values(void **state)
{
    (void)state;
    const char *const *const mistakes[] = {
        (const char *[]){"--new", NULL},
        (const char *[]){"--new", "python", NULL},
        (const char *[]){"--new=python", NULL},
        (const char *[]){"--new", "python", "--check", NULL},
        (const char *[]){"--new", "python", "", NULL},
    };
    struct options options;
    struct error err;
    assert_int_equal(parse(&options, &err, (const char *[]){"--new", "python", "hello", "--json", NULL}), 0);
    assert_string_equal(options.new_function[0], "python");
    assert_string_equal(options.new_function[1], "hello");
    assert_true(options.json);
    assert_int_equal(parse(&options, &err, (const char *[]){"--new=shell", "hello", NULL}), 0);
    assert_string_equal(options.new_function[0], "shell");
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        assert_int_equal(parse(&options, &err, mistakes[i]), -1);
        assert_string_equal(err.message, "--new needs two values (LANGUAGE NAME)");
    }
}

static void flags(void **state)
{
    (void)state;
    struct options options;
    struct error err;
    assert_int_equal(parse(&options, &err, (const char *[]){NULL}), 0);
    assert_string_equal(options.config, "global-function-definition.yml");
    assert_null(options.listen);
    assert_false(options.check || options.json || options.help || options.help_settings || options.version);
    assert_int_equal(
        parse(&options, &err,
              (const char *[]){"--check", "--json", "--help", "--help-settings", "--version", NULL}),
        0);
    assert_true(options.check && options.json && options.help && options.help_settings && options.version);
    assert_int_equal(parse(&options, &err, (const char *[]){"--check=yes", NULL}), -1);
    assert_non_null(strstr(err.message, "--check takes no value"));
}

static void unknown_ones_get_a_suggestion(void **state)
{
    (void)state;
    static const struct {
        const char *word, *hint;
    } cases[] = {{"--confg", "did you mean --config?"},
                 {"--workes=3", "did you mean --workers?"},
                 {"--zzzzzzzzzzzzzzz", "see berthd --help"},
                 {"config.yml", "see berthd --help"},
                 {"-h", "see berthd --help"},
                 {"", "see berthd --help"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct options options = {.config = "untouched"};
        struct error err;
        assert_int_equal(parse(&options, &err, (const char *[]){cases[i].word, NULL}), -1);
        assert_non_null(strstr(err.message, "unknown option"));
        assert_string_equal(err.hint, cases[i].hint);
        assert_string_equal(options.config, "untouched");
    }
}

static void the_command_line_wins(void **state)
{
    (void)state;
    struct host_settings host = {.listen = xstrdup("0.0.0.0:1"), .admin = xstrdup("kept"), .workers = 2};
    struct options options = {.listen = "127.0.0.1:2",
                              .state_dir = "/s",
                              .run_dir = "/r",
                              .plugin_dir = "/p",
                              .workers = "64",
                              .log_level = "debug",
                              .log_format = "json"};
    struct error err;
    assert_int_equal(options_apply(&options, &host, &err), 0);
    assert_string_equal(host.listen, "127.0.0.1:2");
    assert_string_equal(host.admin, "kept");
    assert_string_equal(host.state_dir, "/s");
    assert_string_equal(host.run_dir, "/r");
    assert_string_equal(host.plugin_dir, "/p");
    assert_int_equal(host.workers, 64);
    assert_string_equal(host.log_level, "debug");
    assert_string_equal(host.log_format, "json");
    free(host.listen);
    free(host.admin);
    free(host.state_dir);
    free(host.run_dir);
    free(host.plugin_dir);
    free(host.log_level);
    free(host.log_format);
}

static void wrong_values_are_named(void **state)
{
    (void)state;
    static const struct options cases[] = {
        {.workers = "0"},
        {.workers = "65"},
        {.workers = "-1"},
        {.workers = "two"},
        {.workers = "2x"},
        {.workers = ""},
        {.workers = "99999999999999999999"},
        {.log_level = "loud"},
        {.log_level = "Info"},
        {.log_format = "xml"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct host_settings host = {.workers = 7};
        struct error err;
        assert_int_equal(options_apply(&cases[i], &host, &err), -1);
        assert_string_equal(error_code_slug(err.code), "usage");
        assert_int_equal(host.workers, 7);
        assert_null(host.log_level);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_takes_its_value_both_ways),
        cmocka_unit_test(every_option_needs_its_value),
        cmocka_unit_test(an_option_may_take_two_values),
        cmocka_unit_test(flags),
        cmocka_unit_test(unknown_ones_get_a_suggestion),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(wrong_values_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
