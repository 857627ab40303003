/* Whether this host can do what a plugin's launch asks for: the same answer before a deployment and in a
 * check. */
#ifndef PREPARE_LAUNCH_CHECK_H
#define PREPARE_LAUNCH_CHECK_H

#include "base/error.h"
#include "prepare/process/build_result.h"

/* `image_dir`: the folder that the runtime image is made from, or NULL. -1: component "plugin", reason
 * "plugin-contract". */
int launch_check(const struct build_launch *launch, const char *runtime, const char *image_dir,
                 struct error *err);

/* Whether the function's settings let it be served in this way: packages of the distribution are added to
 * runtime images only, and a server needs a network. -1: "invalid-function", and a finding that says where.
 */
int launch_check_settings(const struct build_launch *launch, const struct function_settings *settings,
                          const char *image_dir, struct diagnostics *findings, struct error *err);

#endif
