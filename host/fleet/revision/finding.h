/* Findings about a function's files as the one error that its callers are told. */
#ifndef FLEET_REVISION_FINDING_H
#define FLEET_REVISION_FINDING_H

#include "base/error.h"
#include "config/diagnostic.h"
#include "config/registry.h"

/* Makes the first error among the findings, with its position, the message of `err`; leaves it when there is
 * none. The position is for callers, too, who know the function and not its folder: "hello/hello.py:3:1". */
void finding_quote_first(const struct diagnostics *findings, const struct function_settings *settings,
                         struct error *err);

#endif
