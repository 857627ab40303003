#include "fleet/engine/owner.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static int lock(const char *dir, const char *name, int *ret_fd, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    cleanup_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return error_errno(err, COMPONENT_FLEET, errno, "cannot lock %s", path);
        error_set(err, ERROR_IN_USE, "another berthd uses the directory %s", dir);
        return error_hint(err, "give this one its own --state and --run-dir");
    }
    *ret_fd = steal_fd(&fd);
    return 0;
}

static bool is_file(int fd, const char *path)
{
    struct stat has, wanted;
    return fstat(fd, &has) == 0 && stat(path, &wanted) == 0 && has.st_dev == wanted.st_dev &&
           has.st_ino == wanted.st_ino;
}

int owner_take_lock(const char *dir, const char *name, int given, int *ret_fd, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    cleanup_close int fd = given;
    /* A lock belongs to what was opened, so whoever has a duplicate holds it. */
    if (fd < 0 || !is_file(fd, path) || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return lock(dir, name, ret_fd, err);
    *ret_fd = steal_fd(&fd);
    return 0;
}

static int read_or_make_id(const char *state_dir, char *ret_id, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/host-id", state_dir);
    cleanup_free char *text = NULL;
    if (fs_exists(path)) {
        if (fs_read_file(path, 256, &text, NULL, err) < 0)
            return -1;
        if (strspn(text, "0123456789abcdef") < OWNER_ID_DIGITS)
            return error_set(err, ERROR_STATE_DAMAGED, "%s does not hold an id of %d hexadecimal digits",
                             path, OWNER_ID_DIGITS);
        memcpy(ret_id, text, OWNER_ID_DIGITS);
        ret_id[OWNER_ID_DIGITS] = '\0';
        return 0;
    }
    ident_random(ret_id, OWNER_ID_DIGITS);
    return fs_write_file(path, ret_id, OWNER_ID_DIGITS, 0644, err);
}

int owner_acquire(const char *state_dir, int given, struct owner *ret_owner, struct error *err)
{
    struct owner owner = {.lock_fd = -1};
    if (owner_take_lock(state_dir, "lock", given, &owner.lock_fd, err) < 0)
        return -1;
    if (read_or_make_id(state_dir, owner.id, err) < 0) {
        owner_release(&owner);
        return -1;
    }
    *ret_owner = owner;
    return 0;
}

void owner_release(struct owner *owner)
{
    if (owner->lock_fd >= 0)
        close(owner->lock_fd);
    owner->lock_fd = -1;
}
