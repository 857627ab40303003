/* Volumes as JSON, and who uses them. Control thread, but for what says otherwise. */
#ifndef ADMIN_VOLUME_VIEW_H
#define ADMIN_VOLUME_VIEW_H

#include "fleet/fleet.h"

#include <jansson.h>
#include <stdbool.h>

/* The functions that name the volume, in a revision that has not gone or in their newest settings: [{"name",
 * "at", "read_only"}]. The caller owns it. */
json_t *volume_users_json(const struct fleet *fleet, const char *volume);

/* Has new instances of these users take over: what an instance has mounted stays until it goes, and none
 * shall go on with a folder that nobody else sees. Their names, in a list that the caller owns. */
json_t *volume_restart_users(const struct fleet *fleet, const json_t *users);

/* One volume without its size: {"name", "path", "is_there", "functions"}. The caller owns it. */
json_t *volume_json(const struct fleet *fleet, const char *volume);

/* Whether there is such a volume, or a function that names it. */
bool volume_is_known(const struct fleet *fleet, const char *volume);

/* A list of all that there are, and of those that functions name; the same. */
json_t *volumes_json(const struct fleet *fleet);

/* The volumes of a function without their sizes: [{"name", "path", "at", "read_only"}], each with the path
 * where it is. The caller owns it. */
json_t *function_volume_list_json(const struct fleet *fleet, const struct function *function);

/* Adds to each of such a list the size of what is at its path: "size_bytes", "files", "size_is_whole". Looks
 * for a few seconds at most. Any thread, while nobody else has the list. */
void volumes_add_sizes(json_t *volumes);

#endif
