#include "base/roff.h"
#include "cli/command.h"
#include "cli/run_commands.h"
#include "cli/usage.h"

#include <stdio.h>

static void put_flags(const struct flag *flags)
{
    for (; flags && flags->name; flags++) {
        char left[64];
        usage_flag(flags, left, sizeof(left));
        fputs(".TP\n.B ", stdout);
        roff_print_line(left);
        roff_print_line(flags->help);
    }
}

static void put_command(const struct command *command)
{
    fputs(".SS ", stdout);
    roff_print(command->name);
    putchar(' ');
    roff_print_line(command->operands);
    roff_print_line(command->name);
    printf("%s.\n", command->summary);
    if (command->description)
        roff_print_line(command->description);
    put_flags(command->flags);
    for (const struct example *example = command->examples; example && example->line; example++) {
        fputs(".TP\n.B berth ", stdout);
        roff_print_line(example->line);
        roff_print_line(example->does);
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
