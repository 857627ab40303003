/* The folder that a function's files are in, and whether it has to have one. */
#ifndef CONFIG_FUNCTION_FOLDER_H
#define CONFIG_FUNCTION_FOLDER_H

#include "config/function_source.h"
#include "config/registry.h"
#include "config/setting.h"

/* Replaces the folder as it was written by the one on disk, and checks the file; reports what is not there,
 * at `missing_at` where the folder goes by the function's key. Without `function_folder` and a file, there
 * need be none when one of the options that `settings` has says so for its language, which may be NULL.
 * `layer` is that of the table of `configuration`. */
void function_folder_find(const struct function_place *place, const struct language *language,
                          const struct setting_layer *layer, struct position missing_at,
                          struct reporter *reporter, struct function_settings *settings);

#endif
