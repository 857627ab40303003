#include "prepare/store/tree.h"

#include "base/cleanup.h"

#include <string.h>

#define STAT_BLOCK  512u /* unit of st_blocks */
#define ENTRY_BYTES 4096u /* what the smallest entry is taken for */

static int usage_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)err;
    uint64_t *bytes = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    uint64_t names = entry->kind == TREE_FILE && entry->status->st_nlink > 1 ? entry->status->st_nlink : 1;
    uint64_t taken = (uint64_t)entry->status->st_blocks * STAT_BLOCK / names;
    *bytes += taken > ENTRY_BYTES ? taken : ENTRY_BYTES;
    return 0;
}

int tree_usage(const char *path, uint64_t *ret_bytes, struct error *err)
{
    uint64_t bytes = 0;
    if (tree_walk(path, usage_visit, &bytes, err) < 0)
        return -1;
    *ret_bytes = bytes;
    return 0;
}

struct stamp {
    struct hash *hash;
    struct timespec changed; /* newest */
};

static int stamp_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)err;
    struct stamp *stamp = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    const struct stat *status = entry->status;
    const struct timespec *changed = &status->st_ctim, *newest = &stamp->changed;
    const uint64_t facts[] = {
        status->st_ino,
        status->st_mode,
        status->st_uid,
        status->st_gid,
        (uint64_t)status->st_size,
        (uint64_t)status->st_mtim.tv_sec,
        (uint64_t)status->st_mtim.tv_nsec,
        (uint64_t)changed->tv_sec,
        (uint64_t)changed->tv_nsec,
    };
    hash_update_text(stamp->hash, entry->path);
    hash_update(stamp->hash, facts, sizeof(facts));
    if (changed->tv_sec > newest->tv_sec ||
        (changed->tv_sec == newest->tv_sec && changed->tv_nsec > newest->tv_nsec))
        stamp->changed = *changed;
    return 0;
}

int tree_stamp(const char *path, char ret_hex[HASH_HEX_SIZE], struct timespec *ret_changed, struct error *err)
{
    struct stamp stamp = {.hash = hash_create()};
    char hex[HASH_HEX_SIZE];
    int rc = tree_walk(path, stamp_visit, &stamp, err);
    hash_finish(stamp.hash, hex);
    if (rc < 0)
        return -1;
    memcpy(ret_hex, hex, sizeof(hex));
    if (ret_changed)
        *ret_changed = stamp.changed;
    return 0;
}
