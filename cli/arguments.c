#include "cli/command.h"

#include "base/alloc.h"
#include "base/suggest.h"
#include "cli/say.h"

#include <stdlib.h>
#include <string.h>

/* --- questions --- */

const char *arguments_operand(const struct arguments *arguments, size_t index)
{
    return index < arguments->operand_count ? arguments->operands[index] : NULL;
}

const char *arguments_next(const struct arguments *arguments, const char *flag, size_t *at)
{
    for (size_t i = *at; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].flag->name, flag) == 0) {
            *at = i + 1;
            return arguments->given[i].value;
        }
    }
    return NULL;
}

const char *arguments_value(const struct arguments *arguments, const char *flag)
{
    const char *value = NULL;
    size_t at = 0;
    for (const char *next; (next = arguments_next(arguments, flag, &at));)
        value = next;
    return value;
}

bool arguments_has(const struct arguments *arguments, const char *flag)
{
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (strcmp(arguments->given[i].flag->name, flag) == 0)
            return true;
    }
    return false;
}

/* --- taking apart --- */

static const struct flag *find_in(const struct flag *flags, const char *name, size_t length, char letter)
{
    for (; flags && flags->name; flags++) {
        if (letter ? flags->letter == letter
                   : strlen(flags->name) == length && strncmp(flags->name, name, length) == 0)
            return flags;
    }
    return NULL;
}

static const struct flag *find_flag(const struct command *command, const char *name, size_t length,
                                    char letter)
{
    const struct flag *flag = find_in(command->flags, name, length, letter);
    return flag ? flag : find_in(common_flags, name, length, letter);
}

static bool is_long(const char *argument)
{
    return argument[0] == '-' && argument[1] == '-';
}

static int complain_of_flag(const struct command *command, const char *argument)
{
    const char *names[64];
    size_t count = 0;
    for (const struct flag *flag = command->flags; flag && flag->name && count < 32; flag++)
        names[count++] = flag->name;
    for (const struct flag *flag = common_flags; flag->name; flag++)
        names[count++] = flag->name;
    const char *near = is_long(argument) ? suggest_nearest(argument + 2, names, count) : NULL;
    say_wrong("%s knows no option %s", command->name, argument);
    if (near)
        say_next("did you mean --%s?", near);
    else
        say_next("berth %s --help lists them", command->name);
    return -1;
}

static void add_flag(struct arguments *arguments, const struct flag *flag, const char *value)
{
    struct given_flag *given = xgrow((void *)arguments->given, arguments->given_count, sizeof(*given));
    given[arguments->given_count++] = (struct given_flag){flag, value};
    arguments->given = given;
}

int arguments_leading(int argc, char **argv)
{
    int i = 0;
    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        size_t length = is_long(argv[i]) ? strcspn(argv[i] + 2, "=") : 1;
        const struct flag *flag =
            find_in(common_flags, argv[i] + 2, length, is_long(argv[i]) ? '\0' : argv[i][1]);
        if (!flag)
            break;
        const char *rest = argv[i] + (is_long(argv[i]) ? 2 + length : 2);
        i += flag->argument && !*rest ? 2 : 1;
    }
    return i < argc ? i : argc;
}

/* "--name", "--name VALUE", "--name=VALUE", "-n", "-n VALUE", "-nVALUE". */
static int take_flag(struct arguments *arguments, int argc, char **argv, int *i)
{
    const char *argument = argv[*i], *value = NULL;
    size_t length = is_long(argument) ? strcspn(argument + 2, "=") : 1;
    const struct flag *flag =
        find_flag(arguments->command, argument + 2, length, is_long(argument) ? '\0' : argument[1]);
    if (!flag)
        return complain_of_flag(arguments->command, argument);
    const char *rest = argument + (is_long(argument) ? 2 + length : 2);
    if (*rest)
        value = rest + is_long(argument);
    if (!flag->argument && *rest) {
        say_wrong("--%s takes no value", flag->name);
        return -1;
    }
    if (flag->argument && !*rest) {
        if (*i + 1 >= argc) {
            say_wrong("--%s needs a value: %s", flag->name, flag->argument);
            return -1;
        }
        value = argv[++*i];
    }
    add_flag(arguments, flag, value);
    return 0;
}

static void add_operand(struct arguments *arguments, const char *operand)
{
    arguments->operands = xgrow(arguments->operands, arguments->operand_count, sizeof(*arguments->operands));
    arguments->operands[arguments->operand_count++] = operand;
}

static int check_operands(const struct arguments *arguments)
{
    const struct command *command = arguments->command;
    if (arguments->operand_count >= command->min && arguments->operand_count <= command->max)
        return 0;
    if (arguments->operand_count > command->max)
        say_wrong("%s does not take \"%s\"", command->name, arguments->operands[command->max]);
    else
        say_wrong("%s needs %s", command->name, command->operands);
    say_next("berth %s --help", command->name);
    return -1;
}

int arguments_parse(const struct command *command, int argc, char **argv, struct arguments *ret_arguments)
{
    *ret_arguments = (struct arguments){.command = command};
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (only_operands || argv[i][0] != '-' || argv[i][1] == '\0')
            add_operand(ret_arguments, argv[i]);
        else if (take_flag(ret_arguments, argc, argv, &i) < 0)
            return -1;
    }
    return arguments_has(ret_arguments, "help") ? 0 : check_operands(ret_arguments);
}

void arguments_clear(struct arguments *arguments)
{
    free(arguments->operands);
    free((void *)arguments->given);
    *arguments = (struct arguments){0};
}
