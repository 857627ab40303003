/* The environment variables of a function: its `environment`, and the file that `env_file` names. */
#ifndef CONFIG_FUNCTION_ENVIRONMENT_H
#define CONFIG_FUNCTION_ENVIRONMENT_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"

/* Reads both into `settings`; where both have a variable, `environment` wins. The file is looked for in
 * `base`, the registry's folder. `layer` is that of the table of `configuration`. */
void function_environment_read(const char *base, const struct setting_layer *layer, struct reporter *reporter,
                               struct function_settings *settings);

#endif
