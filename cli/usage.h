/* Help from the table of commands, to standard output. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "cli/command.h"

/* "-f, --follow", "--since TIME" */
void usage_flag(const struct flag *flag, char *ret_text, size_t size);

void usage_command(const struct command *command);
void usage_all(void);

/* The commands that begin with this word. */
void usage_group(const char *word);

/* For words that begin no command. Says so, and which is near: STATUS_USAGE. The first word of some commands
 * alone shows these, which is STATUS_OK with --help behind it. */
int usage_unknown(int argc, char **argv);

#endif
