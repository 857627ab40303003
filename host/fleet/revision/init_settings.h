/* The settings that POST /.berth/init and POST /.berth/prewarm carry: see docs/runner-protocol.md. */
#ifndef FLEET_REVISION_INIT_SETTINGS_H
#define FLEET_REVISION_INIT_SETTINGS_H

#include "fleet/revision/preparation.h"

#include <jansson.h>

/* Everything but `instance`. `settings` are those of the revision, `timeout_ms` is the function's newest. The
 * caller owns the result. */
json_t *init_settings_make(const struct function_settings *settings, const struct prepared *prepared,
                           unsigned concurrency, unsigned timeout_ms);

/* What a runner is told that is to load these modules, a list of names, before its function is known: the
 * same for all functions for which the same is to be loaded. The caller frees it. */
char *init_settings_prewarm(const struct function_settings *settings, const struct prepared *prepared,
                            json_t *modules);

#endif
