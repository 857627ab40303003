/* The value of a secret, from whoever types the command. */
#ifndef CLI_SECRET_VALUE_H
#define CLI_SECRET_VALUE_H

#include "base/locked.h"
#include "cli/command.h"

/* Reads it from the file of --from-file, else from standard input: on a terminal it is asked for as that of
 * `name`, without showing what is typed. `enum status`; what is wrong is said. The caller clears *ret_value.
 */
int secret_value_read(const struct arguments *arguments, const char *name, struct locked *ret_value);

#endif
