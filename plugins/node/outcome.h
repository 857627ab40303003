/* What the analysis gives back, handed on to the host. Each function borrows `result` and gives 0, or -1 with
 * `err` filled. */
#ifndef NODE_OUTCOME_H
#define NODE_OUTCOME_H

#include <berth/plugin.h>

#include <jansson.h>

/* {"findings": [{"severity", "file", "line", "column", "message", "hint", "option"}]}: reports each. */
int outcome_report(const struct berth_host *host, struct berth_job *job, const json_t *result,
                   struct berth_error *err);

/* {"excluded": [pattern], "files": [{"path", "text"}], "dependencies": {"key", "argv", "environment",
 * "reads"} or null}: fills the package from `folder`. */
int outcome_package(const struct berth_host *host, struct berth_job *job, const char *folder,
                    const json_t *result, struct berth_error *err);

/* {"command", "environment", "concurrency", "runtime"}. */
int outcome_launch(const struct berth_host *host, struct berth_job *job, const json_t *result,
                   struct berth_error *err);

/* {"files": [{"path", "text"}]}. */
int outcome_files(const struct berth_host *host, struct berth_job *job, const json_t *result,
                  struct berth_error *err);

#endif
