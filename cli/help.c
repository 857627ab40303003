#include "cli/command.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/usage.h"

#include <stdio.h>

static void print_flags(const struct flag *flags, const char *title)
{
    if (!flags || !flags->name)
        return;
    printf("\n%s:\n", title);
    for (; flags->name; flags++) {
        char left[48];
        usage_flag(flags, left, sizeof(left));
        printf("  %-28s %s\n", left, flags->help);
    }
}

void usage_flag(const struct flag *flag, char *ret_text, size_t size)
{
    char letter[8] = "";
    if (flag->letter)
        snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
    snprintf(ret_text, size, "%s--%s%s%s", letter, flag->name, flag->argument ? " " : "",
             flag->argument ? flag->argument : "");
}

void usage_command(const struct command *command)
{
    printf("Usage: berth %s%s%s [options]\n\n%s %s.\n", command->name, *command->operands ? " " : "",
           command->operands, command->name, command->summary);
    if (command->description)
        printf("%s\n", command->description);
    print_flags(command->flags, "Options");
    print_flags(common_flags, "Of every command");
    const struct example *example = command->examples;
    if (example && example->line)
        printf("\nExamples:\n");
    for (; example && example->line; example++)
        printf("  berth %-40s %s\n", example->line, example->does);
}

static void print_summaries(const char *group)
{
    for (size_t i = 0; i < command_count; i++) {
        char left[64];
        if (commands[i].is_hidden || (group && !command_is_in(&commands[i], group)))
            continue;
        snprintf(left, sizeof(left), "%s %s", commands[i].name, commands[i].operands);
        printf("  %-26s %s\n", left, commands[i].summary);
    }
}

void usage_group(const char *word)
{
    printf("Usage: berth %s COMMAND [options]\n\n", word);
    print_summaries(word);
    print_flags(common_flags, "Of every command");
}

void usage_all(void)
{
    printf("Usage: berth COMMAND [options]\n\nFunctions on this machine: %sberth COMMAND --help%s says "
           "more.\n\n",
           colour_begin(stdout, COLOUR_BOLD), colour_end(stdout));
    print_summaries(NULL);
    print_flags(common_flags, "Of every command");
    printf("\nExit status: 0 fine, 1 failed, 2 wrong usage or findings, 3 no daemon answers.\n");
}

int run_help(const struct arguments *arguments)
{
    char *words[2] = {(char *)arguments_operand(arguments, 0), (char *)arguments_operand(arguments, 1)};
    int taken;
    if (!words[0]) {
        usage_all();
        return STATUS_OK;
    }
    int count = words[1] ? 2 : 1;
    const struct command *command = command_find(count, words, &taken);
    if (!command && count == 1 && command_is_group(words[0])) {
        usage_group(words[0]);
        return STATUS_OK;
    }
    if (!command)
        return usage_unknown(count, words);
    usage_command(command);
    return STATUS_OK;
}
