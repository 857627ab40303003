#include "fleet/instance/instance_memory.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/private_dir.h"
#include "prepare/store/secret_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define SHARED_MEMORY "/dev/shm"
#define INSTANCES     "m" /* short: a path of the run directory has little room */

/* --- the folder for all --- */

static bool is_in_memory(const char *path)
{
    struct statfs status;
    return statfs(path, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

/* Its place by its real name; NULL: this host has no memory for it. The caller frees it. */
static char *choose_place(const char *run_dir, const char *owner_id)
{
    cleanup_free char *shared = realpath(SHARED_MEMORY, NULL);
    if (is_in_memory(run_dir))
        return xasprintf("%s/" INSTANCES, run_dir);
    return shared && is_in_memory(shared) ? xasprintf("%s/berth-%s", shared, owner_id) : NULL;
}

static void remove_tree(const char *path)
{
    struct error err;
    if (fs_remove_tree(path, &err) < 0)
        log_warning("memory.folder-left", LOG_ERR(&err));
}

struct keeper {
    bool (*is_left)(const void *context, const char *instance);
    const void *context;
};

static void clean(const char *path, const struct keeper *keeper)
{
    cleanup_dir DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup_free char *inner = xasprintf("%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !keeper->is_left(keeper->context, entry->d_name))
            remove_tree(inner);
    }
}

/* Everybody may put something else in the place of a predecessor's, in shared memory: a link to another
 * folder of this user, which is not to be emptied, or a folder that is somebody else's. */
static int take_over(const char *wanted, const struct keeper *keeper, struct error *err)
{
    cleanup_free char *dir = NULL;
    if (private_dir_open(wanted, INSTANCES, &dir, err) < 0)
        return -1;
    if (strcmp(dir, wanted) != 0)
        return error_set_in(err, COMPONENT_FILES, ERROR_IS_LINK, "%s is a symbolic link, to %s", wanted, dir);
    clean(dir, keeper);
    return chmod(dir, 0700) < 0
               ? error_errno(err, COMPONENT_FILES, errno, "cannot close the directory %s", dir)
               : 0;
}

int instance_memory_open(const char *run_dir, const char *owner_id,
                         bool (*is_left)(const void *context, const char *instance), const void *context,
                         char **ret_dir, struct error *err)
{
    const struct keeper keeper = {is_left, context};
    cleanup_free char *wanted = choose_place(run_dir, owner_id);
    if (!wanted) {
        error_set_in(err, COMPONENT_FLEET, ERROR_SECRET_MISSING,
                     "neither the run directory nor " SHARED_MEMORY
                     " is in memory, so no secret can be given "
                     "to a function");
        return error_hint(err, "mount a tmpfs at " SHARED_MEMORY ", or set run_dir to one");
    }
    if (take_over(wanted, &keeper, err) < 0)
        return error_prefix(err, "the folder for secrets in memory");
    *ret_dir = steal(&wanted);
    return 0;
}

void instance_memory_close(char *dir, bool stays)
{
    if (dir && !stays)
        remove_tree(dir);
    free(dir);
}

/* --- that of one instance --- */

/* For this user alone where he is known and can be made its owner; else for everybody whom the folder above
 * lets in, which is whoever the container is. */
static int give(int fd, const struct container_user *user, mode_t own, mode_t all)
{
    bool is_given = user->is_known && fchown(fd, user->uid, user->gid) == 0;
    return fchmod(fd, is_given ? own : all);
}

int instance_memory_make(const char *dir, const char *instance, const struct container_user *user,
                         char **ret_secrets_dir, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s/secrets", dir, instance);
    if (fs_make_dirs(dir, 0700, err) < 0 || fs_make_dirs(path, 0755, err) < 0) /* whoever has removed it */
        return -1;
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || give(fd, user, 0700, 0755) < 0) /* its files are still to come; containers only read it */
        return error_errno(err, COMPONENT_FLEET, errno, "cannot prepare %s", path);
    *ret_secrets_dir = steal(&path);
    return 0;
}

static int write_file(const char *path, const struct container_user *user, const struct locked *bytes,
                      struct error *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0 || fs_write_all(fd, bytes->bytes, bytes->size) < 0 || give(fd, user, 0400, 0444) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot write %s", path);
    return 0;
}

int instance_memory_reveal(const struct secret_store *store, const struct secret_use *secret,
                           struct locked *ret_value, struct error *err)
{
    struct error why;
    if (store && secret_store_reveal(store, secret->name, secret->digest, ret_value, &why) == 0)
        return 0;
    if (!store)
        secret_store_unknown(secret->name, &why);
    error_set(err, ERROR_SECRET_MISSING, "%s", why.message);
    return error_hint(err, "berth secret set %s", secret->name);
}

int instance_memory_fill(const char *secrets_dir, const struct container_user *user,
                         const struct secret_use *secrets, size_t count, const struct secret_store *store,
                         struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_locked struct locked value = {0};
        cleanup_free char *path = xasprintf("%s/%s", secrets_dir, secrets[i].name);
        if (instance_memory_reveal(store, &secrets[i], &value, err) < 0 ||
            (!secrets[i].variable && write_file(path, user, &value, err) < 0))
            return -1;
    }
    return 0;
}

int instance_memory_write_environment(const char *dir, const char *instance,
                                      const struct container_user *user, const struct locked *entries,
                                      char **ret_path, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s/environment", dir, instance);
    if (write_file(path, user, entries, err) < 0)
        return -1;
    *ret_path = steal(&path);
    return 0;
}

void instance_memory_remove(const char *dir, const char *instance)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, instance);
    remove_tree(path);
}
