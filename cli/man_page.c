#include "cli/command.h"
#include "cli/run_commands.h"
#include "cli/usage.h"

#include <stdio.h>

/* roff takes "-" for a hyphen, and a "." or "'" at the beginning of a line for a request. */
static void put(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

static void put_line(const char *text)
{
    put(text);
    putchar('\n');
}

static void put_flags(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        char left[64];
        usage_flag(flags, left, sizeof(left));
        fputs(".TP\n.B ", stdout);
        put_line(left);
        put_line(flags->help);
    }
}

static void put_command(const struct command *command)
{
    fputs(".SS ", stdout);
    put(command->name);
    putchar(' ');
    put_line(command->operands);
    put_line(command->name);
    printf("%s.\n", command->summary);
    if (command->description)
        put_line(command->description);
    put_flags(command->flags);
    for (const struct example *example = command->examples; example && example->line; example++) {
        fputs(".TP\n.B berth ", stdout);
        put_line(example->line);
        put_line(example->does);
    }
}

int run_man_page(const struct arguments *arguments)
{
    (void)arguments;
    printf(".TH BERTH 1 \"\" \"Berth " BERTH_VERSION "\" \"User Commands\"\n"
           ".SH NAME\nberth \\- functions on this machine\n"
           ".SH SYNOPSIS\n.B berth\n.I COMMAND\n[options]\n"
           ".SH DESCRIPTION\nShows and steers the functions that a daemon,\n.BR berthd ,\nserves on this "
           "machine.\n"
           ".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++) {
        if (!commands[i].is_hidden)
            put_command(&commands[i]);
    }
    printf(".SH OPTIONS OF EVERY COMMAND\n");
    put_flags(common_flags);
    printf(".SH ENVIRONMENT\n.TP\n.B BERTH_URL\nAs \\-\\-url.\n"
           ".TP\n.B BERTH_PASSWORD_FILE\nThe file with the password for an address of TCP; else the one in "
           "the usual "
           "state folder is taken.\n"
           ".TP\n.B NO_COLOR\nNo colours, as where the output is no terminal.\n"
           ".SH EXIT STATUS\n0 fine, 1 failed, 2 wrong usage or findings, 3 no daemon answers.\n");
    return STATUS_OK;
}
