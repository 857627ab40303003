/* The command line of `berth`, against its own table of commands. */
#include "cli/command.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define MOST 12

static int parse(struct arguments *arguments, const char *const *words)
{
    char *argv[MOST];
    int argc = 0, taken;
    for (; words[argc]; argc++)
        argv[argc] = (char *)words[argc];
    const struct command *command = command_find(argc, argv, &taken);
    assert_non_null(command);
    return arguments_parse(command, argc - taken, argv + taken, arguments);
}

static void commands_are_found_by_one_or_two_words(void **state)
{
    (void)state;
    int words;
    char *plugin[] = {"plugin", "ls", "--json"}, *ls[] = {"ls"}, *near[] = {"l"}, *half[] = {"plugin"};
    assert_string_equal(command_find(3, plugin, &words)->name, "plugin ls");
    assert_int_equal(words, 2);
    assert_string_equal(command_find(1, ls, &words)->name, "ls");
    assert_int_equal(words, 1);
    assert_null(command_find(1, near, &words));
    assert_null(command_find(1, half, &words));
    assert_null(command_find(0, half, &words));
}

static void flags_are_taken_in_every_spelling(void **state)
{
    (void)state;
    struct arguments arguments;
    assert_int_equal(parse(&arguments, (const char *[]){"invoke", "-dbody", "greet", "--request=PUT", "-H",
                                                        "A: 1", "--header", "B: 2", "-i", "/path", NULL}),
                     0);
    assert_string_equal(arguments_operand(&arguments, 0), "greet");
    assert_string_equal(arguments_operand(&arguments, 1), "/path");
    assert_null(arguments_operand(&arguments, 2));
    assert_string_equal(arguments_value(&arguments, "data"), "body");
    assert_string_equal(arguments_value(&arguments, "request"), "PUT");
    assert_string_equal(arguments_value(&arguments, "header"), "B: 2");
    assert_true(arguments_has(&arguments, "include"));
    assert_false(arguments_has(&arguments, "json"));
    size_t at = 0;
    assert_string_equal(arguments_next(&arguments, "header", &at), "A: 1");
    assert_string_equal(arguments_next(&arguments, "header", &at), "B: 2");
    assert_null(arguments_next(&arguments, "header", &at));
    arguments_clear(&arguments);
}

static void what_follows_two_dashes_and_a_single_one_are_operands(void **state)
{
    (void)state;
    struct arguments arguments;
    assert_int_equal(parse(&arguments, (const char *[]){"invoke", "-d", "-", "--", "-x", "--json", NULL}), 0);
    assert_string_equal(arguments_value(&arguments, "data"), "-");
    assert_string_equal(arguments_operand(&arguments, 0), "-x");
    assert_string_equal(arguments_operand(&arguments, 1), "--json");
    arguments_clear(&arguments);
}

static void wrong_usage_is_refused(void **state)
{
    (void)state;
    static const char *const cases[][MOST] = {
        {"ls", "more"},     {"describe"},      {"describe", "a", "b"},
        {"ls", "--jsn"},    {"ls", "-z"},      {"invoke", "a", "--data"},
        {"ls", "--json=1"}, {"new", "python"}, {"invoke", "a", "-H"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arguments arguments;
        if (parse(&arguments, cases[i]) == 0)
            fail_msg("%s %s", cases[i][0], cases[i][1] ? cases[i][1] : "");
        arguments_clear(&arguments);
    }
}

static void help_needs_no_operands(void **state)
{
    (void)state;
    struct arguments arguments;
    assert_int_equal(parse(&arguments, (const char *[]){"describe", "-h", NULL}), 0);
    assert_true(arguments_has(&arguments, "help"));
    arguments_clear(&arguments);
}

/* What help, completion and the man page are made of. */
static void every_command_is_described(void **state)
{
    (void)state;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &commands[i];
        assert_non_null(command->run);
        assert_non_null(command->operands);
        assert_true(command->min <= command->max);
        assert_true(command->is_hidden || strlen(command->summary) > 10);
        for (const struct flag *flag = command->flags; flag && flag->name; flag++)
            assert_non_null(flag->help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_found_by_one_or_two_words),
        cmocka_unit_test(flags_are_taken_in_every_spelling),
        cmocka_unit_test(what_follows_two_dashes_and_a_single_one_are_operands),
        cmocka_unit_test(wrong_usage_is_refused),
        cmocka_unit_test(help_needs_no_operands),
        cmocka_unit_test(every_command_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
