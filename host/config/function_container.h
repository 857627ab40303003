/* What a function asks of its container that loosens what every container is held to, or does not go
 * together. */
#ifndef CONFIG_FUNCTION_CONTAINER_H
#define CONFIG_FUNCTION_CONTAINER_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"

/* Puts `user` as it was written into the words of struct function_settings, or reports that it is none; warns
 * of what gives up a wall. `layer` is that of the table of `configuration`. */
void function_container_check(const struct setting_layer *layer, struct function_settings *settings,
                              struct reporter *reporter);

#endif
