#include "prepare/store/volume_give.h"

#include "prepare/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct giving {
    uid_t uid;
    gid_t gid;
};

static int open_to_all(const struct tree_entry *entry)
{
    mode_t mode = entry->status->st_mode & 07777;
    if (entry->kind == TREE_LINK)
        return 0;
    return fchmodat(entry->parent, entry->name, mode | ((mode & S_IRWXU) >> 6), 0);
}

static int visit(void *context, const struct tree_entry *entry, struct error *err)
{
    const struct giving *giving = context;
    if (entry->kind == TREE_FOLDER_END)
        return 0;
    int rc = geteuid() == 0
                 ? fchownat(entry->parent, entry->name, giving->uid, giving->gid, AT_SYMLINK_NOFOLLOW)
                 : open_to_all(entry);
    return rc < 0 ? error_errno(err, COMPONENT_FLEET, errno, "cannot give %s to its user", entry->path) : 0;
}

int volume_give(const char *path, uid_t uid, gid_t gid, struct error *err)
{
    struct giving giving = {.uid = uid, .gid = gid};
    return tree_walk(path, visit, &giving, err);
}
