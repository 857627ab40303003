#include "prepare/store/tree.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A walk under way. `path` is the entry's path, grown and cut as the walk goes down and up. */
struct walk {
    const char *top;
    tree_visit_fn *visit;
    void *context;
    char path[TREE_PATH_MAX];
    unsigned depth;
};

/* The entries of one folder. */
struct names {
    char **items;
    size_t count;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static void names_add(struct names *names, const char *name)
{
    names->items = xgrow(names->items, names->count, sizeof(*names->items));
    names->items[names->count++] = xstrdup(name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(DIR *dir, struct names *names)
{
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir)); errno = 0) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            names_add(names, entry->d_name);
    }
    if (errno != 0)
        return -1;
    if (names->count > 1)
        qsort(names->items, names->count, sizeof(*names->items), compare_names);
    return 0;
}

static enum tree_kind kind_of(mode_t mode)
{
    if (S_ISREG(mode))
        return TREE_FILE;
    if (S_ISDIR(mode))
        return TREE_FOLDER;
    return S_ISLNK(mode) ? TREE_LINK : TREE_SPECIAL;
}

static int walk_folder(struct walk *walk, int parent, const char *name, struct error *err);

static int walk_entry(struct walk *walk, int parent, const char *name, struct error *err)
{
    struct stat status;
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) /* removed since the folder was read */
            return 0;
        return error_errno(err, COMPONENT_BUILD, errno, "cannot look at %s/%s", walk->top, walk->path);
    }
    struct tree_entry entry = {kind_of(status.st_mode), walk->path, name, parent, &status};
    int rc = walk->visit(walk->context, &entry, err);
    if (rc < 0)
        return -1;
    if (entry.kind != TREE_FOLDER || rc == 1)
        return 0;
    if (walk_folder(walk, parent, name, err) < 0)
        return -1;
    entry.kind = TREE_FOLDER_END;
    return walk->visit(walk->context, &entry, err) < 0 ? -1 : 0;
}

/* Walks the entries of one opened folder whose own path is in walk->path ("" for the top). */
static int walk_names(struct walk *walk, int folder, const struct names *names, struct error *err)
{
    size_t length = strlen(walk->path);
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->items[i];
        size_t room = sizeof(walk->path) - length;
        int size = snprintf(walk->path + length, room, "%s%s", length ? "/" : "", name);
        if (size < 0 || (size_t)size >= room) {
            walk->path[length] = '\0';
            return error_set(err, ERROR_TOO_LONG, "a path below %s/%s is longer than %d bytes", walk->top,
                             walk->path, TREE_PATH_MAX - 1);
        }
        if (walk_entry(walk, folder, name, err) < 0)
            return -1;
        walk->path[length] = '\0';
    }
    return 0;
}

static int walk_folder(struct walk *walk, int parent, const char *name, struct error *err)
{
    if (walk->depth == TREE_DEPTH_MAX)
        return error_set(err, ERROR_TOO_DEEP, "%s is nested deeper than %d folders", walk->path,
                         TREE_DEPTH_MAX);
    int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (parent == AT_FDCWD ? 0 : O_NOFOLLOW);
    cleanup_close int fd = openat(parent, name, flags);
    if (fd < 0 && errno == ENOENT && parent != AT_FDCWD) /* removed since it was looked at */
        return 0;
    if (fd < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot open the folder %s/%s", walk->top,
                           walk->path);
    cleanup_dir DIR *dir = fdopendir(fd);
    if (!dir)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot read the folder %s/%s", walk->top,
                           walk->path);
    int folder = steal_fd(&fd); /* the DIR closes it */
    struct names names = {0};
    int rc;
    walk->depth++;
    if (read_names(dir, &names) < 0)
        rc = error_errno(err, COMPONENT_BUILD, errno, "cannot read the folder %s/%s", walk->top, walk->path);
    else
        rc = walk_names(walk, folder, &names, err);
    walk->depth--;
    names_clear(&names);
    return rc;
}

int tree_walk(const char *top, tree_visit_fn *visit, void *context, struct error *err)
{
    struct walk walk = {.top = top, .visit = visit, .context = context};
    return walk_folder(&walk, AT_FDCWD, top, err);
}

struct digest {
    struct hash *hash;
    struct tree_size size;
};

/* Adds what is in a file. */
static int hash_content(struct hash *hash, int fd, const char *path, uint64_t *ret_seen, struct error *err)
{
    for (uint64_t seen = 0;;) {
        char block[65536];
        ssize_t size = read(fd, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot read %s", path);
        if (size == 0) {
            *ret_seen = seen;
            return 0;
        }
        hash_update(hash, block, (size_t)size);
        seen += (uint64_t)size;
    }
}

static int digest_file(struct digest *digest, const struct tree_entry *entry, struct error *err)
{
    cleanup_close int fd = -1;
    if (fs_open_plain(entry->parent, entry->name, O_NOFOLLOW, &fd, NULL, err) < 0)
        return -1;
    uint64_t length = (uint64_t)entry->status->st_size, seen;
    hash_update_text(digest->hash, entry->status->st_mode & S_IXUSR ? "x" : "f");
    hash_update(digest->hash, &length, sizeof(length));
    if (hash_content(digest->hash, fd, entry->path, &seen, err) < 0)
        return -1;
    if (seen != length)
        return error_set(err, ERROR_CHANGED, "%s changed while it was read", entry->path);
    digest->size.bytes += length;
    digest->size.files++;
    return 0;
}

static int digest_link(struct digest *digest, const struct tree_entry *entry, struct error *err)
{
    char target[TREE_PATH_MAX];
    ssize_t size = readlinkat(entry->parent, entry->name, target, sizeof(target) - 1);
    if (size < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot read the link %s", entry->path);
    target[size] = '\0';
    hash_update_text(digest->hash, "l");
    hash_update_text(digest->hash, target);
    digest->size.files++;
    return 0;
}

static int digest_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    struct digest *digest = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    hash_update_text(digest->hash, entry->path);
    switch (entry->kind) {
    case TREE_FILE:
        return digest_file(digest, entry, err);
    case TREE_LINK:
        return digest_link(digest, entry, err);
    case TREE_FOLDER:
        hash_update_text(digest->hash, "d");
        return 0;
    default:
        return error_set(err, ERROR_SPECIAL_FILE, "%s is neither a file, a folder nor a link", entry->path);
    }
}

int tree_digest(const char *path, char ret_hex[HASH_HEX_SIZE], struct tree_size *ret_size, struct error *err)
{
    struct digest digest = {.hash = hash_create()};
    char hex[HASH_HEX_SIZE];
    int rc = tree_walk(path, digest_visit, &digest, err);
    hash_finish(digest.hash, hex);
    if (rc < 0)
        return -1;
    memcpy(ret_hex, hex, sizeof(hex));
    if (ret_size)
        *ret_size = digest.size;
    return 0;
}

int tree_file_digest(const char *path, char ret_hex[HASH_HEX_SIZE], struct error *err)
{
    cleanup_close int fd = -1;
    uint64_t size;
    char hex[HASH_HEX_SIZE];
    if (fs_open_plain(AT_FDCWD, path, O_NOFOLLOW, &fd, NULL, err) < 0)
        return -1;
    struct hash *hash = hash_create();
    int rc = hash_content(hash, fd, path, &size, err);
    hash_finish(hash, hex);
    if (rc == 0)
        memcpy(ret_hex, hex, sizeof(hex));
    return rc;
}

static int measure_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)err;
    struct tree_size *size = context;
    if (entry->kind == TREE_FILE)
        size->bytes += (uint64_t)entry->status->st_size;
    if (entry->kind == TREE_FILE || entry->kind == TREE_LINK)
        size->files++;
    return 0;
}

int tree_measure(const char *path, struct tree_size *ret_size, struct error *err)
{
    struct tree_size size = {0};
    if (tree_walk(path, measure_visit, &size, err) < 0)
        return -1;
    *ret_size = size;
    return 0;
}
