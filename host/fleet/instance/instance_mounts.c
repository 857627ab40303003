#include "fleet/instance/instance_mounts.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/folder_list.h"
#include "base/fs.h"
#include "fleet/engine/container_user.h"
#include "prepare/store/volume_store.h"

#include <stdlib.h>

static void locate(const struct fleet_env *env, struct container_mount *mount)
{
    free((char *)mount->source);
    mount->source = volume_store_path(env->volumes, mount->volume);
}

static int prepare_named(const struct fleet_env *env, const struct container_user *user,
                         struct container_mount *mount, struct error *err)
{
    uid_t uid = user->is_known ? user->uid : (uid_t)-1;
    if (volume_store_ensure(env->volumes, mount->volume, uid, user->gid, err) < 0)
        return -1;
    locate(env, mount);
    return 0;
}

/* The file may allow less than when the revision was made. */
static int check_folder(const struct fleet_env *env, const struct container_mount *mount, struct error *err)
{
    cleanup_close int folder = -1;
    struct error cause;
    if (!folder_list_has(env->volume_roots, mount->source)) {
        error_set(err, ERROR_VOLUME,
                  "the folder %s cannot be mounted at %s: \"volume_roots\" does not allow it", mount->source,
                  mount->target);
        return error_hint(err, "list it, or a folder above it, in the section \"host\"");
    }
    if (fs_open_real_dir(mount->source, &folder, &cause) == 0)
        return 0;
    error_set(err, ERROR_VOLUME, "the folder %s cannot be mounted at %s: %s", mount->source, mount->target,
              cause.message);
    return error_hint(err, "once it is there again, the next request finds it");
}

int instance_mounts_prepare(const struct fleet_env *env, struct container_spec *spec, struct error *err)
{
    const struct container_user user = container_user_of(spec->user);
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct container_mount *mount = (struct container_mount *)&spec->mounts[i];
        if (mount->volume ? prepare_named(env, &user, mount, err) < 0 : check_folder(env, mount, err) < 0)
            return -1;
    }
    return 0;
}

void instance_mounts_locate(const struct fleet_env *env, struct container_spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct container_mount *mount = (struct container_mount *)&spec->mounts[i];
        if (mount->volume)
            locate(env, mount);
    }
}
