/* What makes a revision another one. */
#ifndef FLEET_REVISION_REVISION_DIGEST_H
#define FLEET_REVISION_REVISION_DIGEST_H

#include "fleet/revision/preparation.h"

/* Fills prepared->digest from all the rest of it and from the settings: everything that makes an instance
 * behave differently, and nothing else. */
void revision_digest(const struct function_settings *settings, struct prepared *prepared);

#endif
