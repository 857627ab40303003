#include "prepare/store/tree.h"

#include "base/cleanup.h"
#include "base/file_facts.h"
#include "base/stray_file.h"

#include <stdbool.h>

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
    bool of_source;
    struct timespec changed; /* newest */
};

static int stamp_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)err;
    struct stamp *stamp = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    if (stamp->of_source && stray_file_name(entry->name))
        return 1;
    const struct timespec *changed = &entry->status->st_ctim, *newest = &stamp->changed;
    hash_update_text(stamp->hash, entry->path);
    file_facts_hash(stamp->hash, entry->status, !stamp->of_source);
    if (changed->tv_sec > newest->tv_sec ||
        (changed->tv_sec == newest->tv_sec && changed->tv_nsec > newest->tv_nsec))
        stamp->changed = *changed;
    return 0;
}

static int make_stamp(struct stamp *stamp, const char *path, char ret_hex[HASH_HEX_SIZE],
                      struct timespec *ret_changed, struct error *err)
{
    char hex[HASH_HEX_SIZE];
    stamp->hash = hash_create();
    int rc = tree_walk(path, stamp_visit, stamp, err);
    hash_finish(stamp->hash, hex);
    if (rc < 0)
        return -1;
    memcpy(ret_hex, hex, sizeof(hex));
    if (ret_changed)
        *ret_changed = stamp->changed;
    return 0;
}

int tree_stamp(const char *path, char ret_hex[HASH_HEX_SIZE], struct timespec *ret_changed, struct error *err)
{
    struct stamp stamp = {.of_source = false};
    return make_stamp(&stamp, path, ret_hex, ret_changed, err);
}

int tree_source_stamp(const char *path, char ret_hex[HASH_HEX_SIZE], struct timespec *ret_changed,
                      struct error *err)
{
    struct stamp stamp = {.of_source = true};
    return make_stamp(&stamp, path, ret_hex, ret_changed, err);
}
