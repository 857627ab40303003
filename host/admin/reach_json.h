/* What keeps functions from what is not theirs, as JSON. Control thread. */
#ifndef ADMIN_REACH_JSON_H
#define ADMIN_REACH_JSON_H

#include "fleet/fleet.h"

#include <jansson.h>

/* Whether what functions can reach is limited, by whom, and what is in the way of it: {"holds", "by",
 * "problem", "hint"}. The caller owns it. */
json_t *reach_json(const struct fleet *fleet);

#endif
