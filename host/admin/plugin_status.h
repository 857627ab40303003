/* What the management API tells of the plugin folder. */
#ifndef ADMIN_PLUGIN_STATUS_H
#define ADMIN_PLUGIN_STATUS_H

#include <jansson.h>

struct plugins;

/* {"plugins": [{"name", "version", "path", "aliases", "refused_aliases": [{"alias", "taken_by"}]}],
 * "refused": [{"path", "reason", "message", "hint"}]}. The caller owns it. Control thread. */
json_t *plugin_status_json(const struct plugins *plugins);

#endif
