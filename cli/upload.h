/* A file sent to the daemon in pieces, for a call that then names it by its id. */
#ifndef CLI_UPLOAD_H
#define CLI_UPLOAD_H

#include "cli/command.h"

#define UPLOAD_ID_DIGITS 32

/* Sends what `fd` gives up to its end. `parameters` is added to each call, "&for=volume", or "". `subject` is
 * what a message calls it. `enum status`; the id is a text of UPLOAD_ID_DIGITS + 1 bytes. */
int upload_file(const struct arguments *arguments, int fd, const char *parameters, const char *subject,
                char *ret_id);

#endif
