/* Findings about a function's files as the one error that its callers are told. */
#ifndef FLEET_FINDING_H
#define FLEET_FINDING_H

#include "base/error.h"
#include "config/diagnostic.h"

/* Makes the first error among the findings, with its position, the message of `err`; leaves it when there is
 * none. */
void finding_quote_first(const struct diagnostics *findings, struct error *err);

#endif
