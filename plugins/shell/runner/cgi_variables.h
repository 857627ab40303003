/* The environment of a script: this process's own and the variables of CGI/1.1 (RFC 3875, section 4). */
#ifndef SHELL_CGI_VARIABLES_H
#define SHELL_CGI_VARIABLES_H

#include <berth/runner.h>

#define CGI_VARIABLES_MAX 2048

/* An environment for execve(2), to be freed with cgi_variables_free(). NULL with EINVAL when the path has
 * %00, which no variable can hold, or with ENOMEM. */
char **cgi_variables(const struct berth_request *request);

void cgi_variables_free(char **variables);

#endif
