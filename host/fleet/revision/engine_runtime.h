/* What the engine is to run the containers of a function with. */
#ifndef FLEET_REVISION_ENGINE_RUNTIME_H
#define FLEET_REVISION_ENGINE_RUNTIME_H

#include "fleet/fleet_env.h"

/* The engine's name of it, borrowed from the settings, or NULL: its default. */
const char *engine_runtime_of(const struct fleet_env *env, const struct function_settings *settings);

/* "runtime-unknown": the engine has none of that name. */
int engine_runtime_check(const struct fleet_env *env, const struct function_settings *settings,
                         struct error *err);

#endif
