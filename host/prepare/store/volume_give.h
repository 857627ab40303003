/* What was unpacked, given to who is to have it. */
#ifndef PREPARE_STORE_VOLUME_GIVE_H
#define PREPARE_STORE_VOLUME_GIVE_H

#include "base/error.h"

#include <sys/types.h>

/* Gives everything below `path` to this user; links are not followed. Where this process may not give away
 * files everybody may do what their owner may. Any thread; it blocks. */
int volume_give(const char *path, uid_t uid, gid_t gid, struct error *err);

#endif
