/* What the analysis gives back (plain tuples and lists), handed on to the host. Each function borrows
 * `result` and gives 0, or -1 with `err` filled. */
#ifndef PLUGIN_OUTCOME_H
#define PLUGIN_OUTCOME_H

#include "interpreter.h"

/* [(severity, file, line, column, message, hint, option)]: reports each. */
int outcome_report(const struct berth_host *host, struct berth_job *job, PyObject *result,
                   struct berth_error *err);

/* (patterns left out, [(path, bytes)], (key, argv, environment) or None): fills the package from `folder`. */
int outcome_package(const struct berth_host *host, struct berth_job *job, const char *folder,
                    PyObject *result, struct berth_error *err);

/* (command, environment, concurrency, runtime). */
int outcome_launch(const struct berth_host *host, struct berth_job *job, PyObject *result,
                   struct berth_error *err);

/* [(path, bytes)]. */
int outcome_files(const struct berth_host *host, struct berth_job *job, PyObject *result,
                  struct berth_error *err);

#endif
