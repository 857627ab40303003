/* The environment variables of a function: its `environment`, and the file that `env_file` names. */
#ifndef CONFIG_FUNCTION_ENVIRONMENT_H
#define CONFIG_FUNCTION_ENVIRONMENT_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"

/* Where a function's `env_file` is looked for: in this folder or below. */
struct env_file_place {
    const char *folder;
    const char *beside; /* what users know to be in it: "the registry" */
};

/* Reads both into `settings`; where both have a variable, `environment` wins. `layer` is that of the table of
 * `configuration`. */
void function_environment_read(const struct env_file_place *place, const struct setting_layer *layer,
                               struct reporter *reporter, struct function_settings *settings);

#endif
