#include "work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int link_entry(const char *code, const char *name, int work)
{
    char target[PATH_MAX];
    int length = snprintf(target, sizeof(target), "%s/%s", code, name);
    if (length < 0 || (size_t)length >= sizeof(target)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return symlinkat(target, work, name) == 0 || errno == EEXIST ? 0 : -1;
}

static int link_entries(const char *code, DIR *dir, int work)
{
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        bool is_itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_itself && link_entry(code, entry->d_name, work) < 0)
            return -1;
    }
    return errno ? -1 : 0;
}

int berth_work_enter(const char *code, const char *work)
{
    int folder = open(work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return -1;
    DIR *dir = opendir(code);
    int rc = dir ? link_entries(code, dir, folder) : -1;
    if (rc == 0)
        rc = fchdir(folder);
    int errnum = errno;
    if (dir)
        closedir(dir);
    close(folder);
    errno = errnum;
    return rc;
}
