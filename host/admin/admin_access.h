/*
 * Who may use the management API. On the unix socket that is a matter of the file's mode. On TCP, whoever
 * knows the password, which is made at the first start and kept in <state dir>/admin-password; and no web
 * page on the caller's machine, whose browser may know the password too. Control thread.
 */
#ifndef ADMIN_ADMIN_ACCESS_H
#define ADMIN_ADMIN_ACCESS_H

#include "base/error.h"

#include <event2/http.h>
#include <stdbool.h>

#define ADMIN_USER "admin"

/* The password in `path`, a file that only its owner may read and that is made when there is none. The caller
 * frees *ret_password. */
int admin_password_open(const char *path, char **ret_password, struct error *err);

/* Whether an Authorization header, which may be NULL, is of this user with this password. The time it takes
 * tells nothing of how much of it was right. */
bool admin_password_matches(const char *authorization, const char *password);

/* Refuses what a web page can make a browser send: a Host that is a name and not this machine's address (some
 * other site's name can be made to lead here), and an Origin other than that host. Either may be NULL. */
int admin_check_browser(const char *host, const char *origin, struct error *err);

#endif
