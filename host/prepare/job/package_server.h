/*
 * Writes what a plugin's process asks for (package_pipe.h) into the job's output, in the process that watches
 * it. Everything is bounded here: a plugin's process may be as hostile as it likes.
 */
#ifndef PREPARE_JOB_PACKAGE_SERVER_H
#define PREPARE_JOB_PACKAGE_SERVER_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

/* Waits until the socket has something to read. False: nobody will ask any more. */
typedef bool package_server_wait_fn(void *context);

struct package_server;

/* For the directory `output`, which is made when it is asked for; NULL: this job makes none. `socket` is
 * closed with it. */
struct package_server *package_server_create(int socket, const char *output);

/* NULL is fine. */
void package_server_destroy(struct package_server *server);

/* Answers requests until there are no more, or one that cannot be understood. */
void package_server_run(struct package_server *server, package_server_wait_fn *wait, void *context);

/* Finishes what was written and measures it: *ret_package is {"digest", "bytes", "files"}, owned by the
 * caller, or NULL when nothing was begun. */
int package_server_finish(struct package_server *server, json_t **ret_package, struct error *err);

#endif
