#include "fleet/engine/container_user.h"

#include "fleet/engine/world.h"

#include <stdlib.h>
#include <string.h>

struct container_user container_user_of(const char *text)
{
    if (!text)
        return (struct container_user){
            .is_world = true, .is_known = true, .uid = WORLD_UID, .gid = WORLD_GID};
    if (strcmp(text, CONTAINER_USER_IMAGE) == 0)
        return (struct container_user){0};
    char *colon;
    uid_t uid = (uid_t)strtoul(text, &colon, 10);
    return (struct container_user){
        .is_known = true, .uid = uid, .gid = *colon == ':' ? (gid_t)strtoul(colon + 1, NULL, 10) : uid};
}
