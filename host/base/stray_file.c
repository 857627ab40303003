#include "base/stray_file.h"

#include <fnmatch.h>
#include <stddef.h>

static const char *const patterns[] = {
    "*~", /* the former file: vim, emacs and others */
    ".*.sw?", /* what vim has not written yet */
    ".#*", /* emacs: a lock, a link that leads nowhere */
    "#*#", /* emacs: what it has not written yet */
    "*___jb_tmp___", /* JetBrains: before the rename */
    "*___jb_old___",
    ".goutputstream-*", /* GNOME: before the rename */
    ".DS_Store",
    ".git",
    ".hg",
    ".svn",
};

bool stray_file_name(const char *name)
{
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    }
    return false;
}
