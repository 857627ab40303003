/* How a function's calls that are done later are delivered: what the tables of settings cannot check. */
#ifndef CONFIG_FUNCTION_CALLS_H
#define CONFIG_FUNCTION_CALLS_H

#include "config/registry.h"
#include "config/reporter.h"
#include "config/setting.h"

/* Checks the values that were found in `layer`, and notes where those stand that name something. */
void function_calls_read(const struct setting_layer *layer, struct reporter *reporter,
                         struct function_settings *settings);

#endif
