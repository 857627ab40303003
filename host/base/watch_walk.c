#include "base/watch_walk.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/file_facts.h"
#include "base/stray_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

/* No IN_MODIFY: a file is looked at once its writer has closed it. */
#define EVENTS                                                                                               \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |     \
     IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* File systems whose files others can change without this kernel's knowing. */
static const long silent_systems[] = {
    0x6969, /* NFS */
    0x517B, /* SMB */
    0xFF534D42, /* CIFS */
    0xFE534D42, /* SMB 2 */
    0x01021997, /* 9P */
    0x65735546, /* FUSE */
    0x786F4256, /* folders of VirtualBox */
    0x00C36400, /* Ceph */
    0x5346414F, /* AFS */
};

static void note_blind(struct watch_walk *walk, int error)
{
    if (!walk->blind)
        walk->blind = error;
}

/* True when the folder is watched, or needs none to be. A folder that is not there is for the caller. */
static bool add_watch(struct watch_walk *walk, const char *folder)
{
    if (walk->inotify < 0 || walk->watch_count == walk->room) {
        note_blind(walk, walk->inotify < 0 ? EMFILE : EDQUOT);
        return true;
    }
    int watch = inotify_add_watch(walk->inotify, folder, EVENTS);
    if (watch < 0 && (errno == ENOENT || errno == ENOTDIR))
        return false;
    if (watch < 0) {
        note_blind(walk, errno);
        return true;
    }
    walk->watches = xgrow(walk->watches, walk->watch_count, sizeof(*walk->watches));
    walk->watches[walk->watch_count++] = watch;
    return true;
}

/* The folder that `path` is in, in place of it. */
static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash && slash > path)
        *slash = '\0';
    else
        memcpy(path, slash ? "/" : ".", 2);
}

/* Watches the folder, or the nearest one above that is there, where it would appear. */
static void watch_folder(struct watch_walk *walk, const char *path)
{
    char folder[PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof(folder)) {
        note_blind(walk, ENAMETOOLONG);
        return;
    }
    memcpy(folder, path, length + 1);
    while (!add_watch(walk, folder)) {
        bool top = strcmp(folder, "/") == 0 || strcmp(folder, ".") == 0;
        walk->missing = true;
        if (top)
            return;
        go_up(folder);
    }
    struct statfs system;
    if (statfs(folder, &system) < 0)
        return;
    for (size_t i = 0; i < sizeof(silent_systems) / sizeof(*silent_systems); i++) {
        if ((unsigned long)system.f_type == (unsigned long)silent_systems[i])
            note_blind(walk, ENOTSUP);
    }
}

/* --- the kinds --- */

/* A link counts by its text and by what it leads to. */
static void note_file(struct hash *hash, int folder, const char *name)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    file_facts_hash(hash, &status, false);
    if (S_ISLNK(status.st_mode) && fstatat(folder, name, &status, 0) == 0)
        file_facts_hash(hash, &status, false);
}

static void walk_file(struct watch_walk *walk, struct hash *hash)
{
    char folder[PATH_MAX];
    size_t length = strlen(walk->place.path);
    if (length < sizeof(folder)) {
        memcpy(folder, walk->place.path, length + 1);
        go_up(folder);
        watch_folder(walk, folder);
    }
    note_file(hash, AT_FDCWD, walk->place.path);
}

static int counts(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && !stray_file_name(entry->d_name);
}

static void note_entry(const struct watch_walk *walk, struct hash *hash, int folder, const char *name)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    bool plain = S_ISREG(status.st_mode);
    if (walk->place.kind == WATCH_FOLDERS ? plain : S_ISDIR(status.st_mode))
        return;
    hash_update_text(hash, name);
    note_file(hash, folder, name);
}

static void walk_entries(struct watch_walk *walk, struct hash *hash)
{
    const char *path = walk->place.path;
    struct dirent **entries;
    watch_folder(walk, path);
    cleanup_close int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = folder < 0 ? -1 : scandirat(folder, ".", &entries, counts, alphasort);
    if (count < 0)
        return;
    hash_update_text(hash, "there");
    for (int i = 0; i < count; i++) {
        note_entry(walk, hash, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A folder is told before it is read. */
static void note_below(struct watch_walk *walk, struct hash *hash, const FTSENT *entry)
{
    hash_update_text(hash, entry->fts_path);
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR)
        return;
    file_facts_hash(hash, entry->fts_statp, false);
    if (entry->fts_info == FTS_D && entry->fts_level > 0)
        add_watch(walk, entry->fts_path);
}

static void walk_tree(struct watch_walk *walk, struct hash *hash)
{
    watch_folder(walk, walk->place.path);
    char *const tops[] = {(char *)walk->place.path, NULL};
    FTS *fts = fts_open(tops, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    if (!fts) {
        note_blind(walk, errno);
        return;
    }
    for (FTSENT *entry; (entry = fts_read(fts));) {
        if (entry->fts_info == FTS_DP)
            continue;
        if (entry->fts_level > 0 && stray_file_name(entry->fts_name))
            fts_set(fts, entry, FTS_SKIP);
        else
            note_below(walk, hash, entry);
    }
    fts_close(fts);
}

void watch_walk(struct watch_walk *walk)
{
    struct hash *hash = hash_create();
    if (walk->place.kind == WATCH_FILE)
        walk_file(walk, hash);
    else if (walk->place.kind == WATCH_TREE)
        walk_tree(walk, hash);
    else
        walk_entries(walk, hash);
    hash_finish(hash, walk->stamp);
}
