/* Help from the table of commands, to standard output. */
#ifndef CLI_USAGE_H
#define CLI_USAGE_H

#include "cli/command.h"

/* "-f, --follow", "--since TIME" */
void usage_flag(const struct flag *flag, char *ret_text, size_t size);

void usage_command(const struct command *command);
void usage_all(void);

/* Says that there is no such command, and which is near: STATUS_USAGE. */
int usage_unknown(const char *word);

#endif
