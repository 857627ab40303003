/* Whether what a plugin says of a function's files can be shown to who wrote them. */
#ifndef PLUGIN_TEST_FINDINGS_H
#define PLUGIN_TEST_FINDINGS_H

#include "config/diagnostic.h"
#include "config/registry.h"
#include "plugin_test/outcome.h"

/* True when each of them has a message of one line, and a place that is there; else `outcome` says what is
 * wrong with the first that has not. `folder` is the function's. */
bool findings_are_sound(const struct diagnostics *findings, const char *folder,
                        const struct language *language, struct outcome *outcome);

#endif
