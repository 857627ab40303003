/* What a plugin says of itself: checked against the ABI, and as JSON. */
#ifndef PREPARE_JOB_DESCRIPTION_H
#define PREPARE_JOB_DESCRIPTION_H

#include "base/error.h"

#include <berth/plugin.h>
#include <jansson.h>

/* Takes over what the plugin gave, which may be of an older minor version (abi.h), and checks everything in
 * it that can be checked without a call. The copy borrows all that it points to. The error has the reason
 * "plugin-abi" and names what was expected and what was found. */
int description_read(const struct berth_plugin *given, struct berth_plugin *ret_plugin, struct error *err);

/* name, version, abi_major, abi_minor, aliases, options, scaffolds, of one that was read. */
json_t *description_to_json(const struct berth_plugin *plugin);

#endif
