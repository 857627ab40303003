#include "prepare/store/volume_size.h"

#include "base/clock.h"
#include "base/fs.h"
#include "prepare/store/tree.h"

#define STAT_BLOCK 512u /* unit of st_blocks */

struct measuring {
    struct volume_size *size;
    uint64_t until_ms;
};

static int visit(void *context, const struct tree_entry *entry, struct error *err)
{
    const struct measuring *measuring = context;
    const struct stat *status = entry->status;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    bool has_several_names = entry->kind == TREE_FILE && status->st_nlink > 1;
    measuring->size->bytes +=
        (uint64_t)status->st_blocks * STAT_BLOCK / (has_several_names ? status->st_nlink : 1);
    measuring->size->files += entry->kind != TREE_FOLDER;
    return clock_ms() < measuring->until_ms
               ? 0
               : error_set_in(err, COMPONENT_FILES, ERROR_TOO_LARGE, "the time is over");
}

void volume_measure(const char *path, uint64_t until_ms, struct volume_size *ret_size)
{
    struct measuring measuring = {.size = ret_size, .until_ms = until_ms};
    struct error err;
    *ret_size = (struct volume_size){.is_whole = true};
    if (fs_is_dir(path))
        ret_size->is_whole = tree_walk(path, visit, &measuring, &err) == 0;
}
