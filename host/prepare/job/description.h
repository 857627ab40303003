/* What a plugin says of itself: checked against the ABI, and as JSON. */
#ifndef PREPARE_JOB_DESCRIPTION_H
#define PREPARE_JOB_DESCRIPTION_H

#include "base/error.h"

#include <berth/plugin.h>
#include <jansson.h>

/* Checks everything in the description that can be checked without a call. The error has the reason
 * "plugin-abi" and names what was expected and what was found. */
int description_check(const struct berth_plugin *plugin, struct error *err);

/* name, version, abi_major, abi_minor, aliases, options, scaffolds. The plugin must have been checked. */
json_t *description_to_json(const struct berth_plugin *plugin);

#endif
