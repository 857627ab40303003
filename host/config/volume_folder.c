#include "config/volume_folder.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/private_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The root that it is in or is; NULL: none. */
static const char *root_of(const struct folder_list *roots, const char *path)
{
    for (size_t i = 0; roots && i < roots->count; i++) {
        if (fs_is_within(path, roots->items[i]))
            return roots->items[i];
    }
    return NULL;
}

/* Nobody may put a link to elsewhere in its place after this: whoever may change the folders on the way is
 * this user, root, or the root's owner, whom the file trusts. */
static int check_way(const char *real, const char *root, struct error *err)
{
    struct stat status;
    cleanup_free char *parent = xstrndup(real, (size_t)(strrchr(real, '/') - real));
    if (strcmp(real, root) == 0)
        return 0;
    if (stat(root, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot look at %s", root);
    return private_dir_check_trust(parent, status.st_uid, err);
}

static void report_no_root(const char *path, const char *real, struct position at, struct reporter *reporter)
{
    cleanup_free char *hint = xasprintf(
        "to allow it, list that folder or one above it in the section \"host\": volume_roots: [\"%s\"]",
        real);
    if (strcmp(path, real) == 0)
        reporter_error(reporter, at, hint, "no folder of \"volume_roots\" has \"%s\" in it",
                       quote(path).text);
    else
        reporter_error(reporter, at, hint,
                       "\"%s\" leads by a symbolic link to %s, which is in no folder of \"volume_roots\"",
                       quote(path).text, real);
}

char *volume_folder_find(const char *path, const struct folder_list *roots, struct position at,
                         struct reporter *reporter)
{
    if (path[0] != '/') {
        reporter_error(reporter, at, "such as /srv/models",
                       "\"path\" must be the absolute path of a folder of this machine, not \"%s\"",
                       quote(path).text);
        return NULL;
    }
    cleanup_free char *real = realpath(path, NULL);
    if (!real || !fs_is_dir(real)) {
        const char *why = real ? "it is not a folder" : strerror(errno);
        reporter_error(reporter, at, "volumes that Berth makes and keeps have a name and no path",
                       "the folder \"%s\" cannot be a volume: %s", quote(path).text, why);
        return NULL;
    }
    const char *root = root_of(roots, real);
    struct error err;
    if (!root)
        report_no_root(path, real, at, reporter);
    else if (check_way(real, root, &err) < 0)
        reporter_error(reporter, at, err.hint[0] ? err.hint : NULL,
                       "others could put another folder in the place of %s: %s", real, err.message);
    else
        return steal(&real);
    return NULL;
}
