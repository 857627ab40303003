/* Who the processes of a container are, and so who has to own what they may write to. */
#ifndef FLEET_ENGINE_CONTAINER_USER_H
#define FLEET_ENGINE_CONTAINER_USER_H

#include <stdbool.h>
#include <sys/types.h>

#define CONTAINER_USER_IMAGE "image" /* the image's own, whoever that is */

struct container_user {
    bool is_world; /* the one of world.h, who has a name and a home whatever the image */
    bool is_known; /* else it is the image's own, and uid and gid say nothing */
    uid_t uid;
    gid_t gid;
};

/* `text` is what a spec says: "UID:GID", CONTAINER_USER_IMAGE, or NULL for the world's. */
struct container_user container_user_of(const char *text);

#endif
