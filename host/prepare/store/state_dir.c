#include "prepare/store/state_dir.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/private_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MARK "host-id" /* nothing else is known to have a file of this name */

int state_dir_open(const char *state_dir, char **ret_path, struct error *err)
{
    if (private_dir_open(state_dir, MARK, ret_path, err) < 0)
        return error_prefix(err, "the state directory");
    return 0;
}

int state_dir_folder(const char *state, const char *name, unsigned mode, char **ret_path, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", state, name);
    if (fs_make_dirs(path, mode, err) < 0)
        return error_prefix(err, "the state directory");
    if (chmod(path, mode) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot set the mode of %s", path);
    *ret_path = steal(&path);
    return 0;
}

char *state_dir_stage(const char *state)
{
    char id[17];
    ident_random(id, sizeof(id) - 1);
    return xasprintf("%s/staging/%s", state, id);
}

void state_dir_remove(const char *state, struct background *background, const char *path)
{
    cleanup_free char *aside = state_dir_stage(state);
    if (rename(path, aside) == 0)
        background_remove_tree(background, aside);
    else if (errno != ENOENT)
        log_warning("build.remove_failed", LOG_STR("path", path), LOG_STR("error", strerror(errno)));
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void state_dir_sort(void *names, size_t count)
{
    if (count > 1)
        qsort(names, count, sizeof(char *), compare);
}

int state_dir_digests(const char *folder, char ***ret_names, size_t *ret_count, struct error *err)
{
    cleanup_dir DIR *dir = opendir(folder);
    if (!dir)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot read %s", folder);
    char **names = NULL;
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!hash_is_digest(entry->d_name))
            continue;
        names = xgrow(names, count, sizeof(*names));
        names[count++] = xstrdup(entry->d_name);
    }
    state_dir_sort(names, count);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

bool state_dir_contains(const char *const *names, size_t count, const char *name)
{
    return count > 0 && bsearch(&name, names, count, sizeof(*names), compare);
}
