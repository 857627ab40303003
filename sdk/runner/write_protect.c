#include "write_protect.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int protect_entry(int folder, const char *name)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISREG(status.st_mode))
        return fchmodat(folder, name, status.st_mode & 0100 ? 0555 : 0444, 0);
    if (!S_ISDIR(status.st_mode))
        return 0;
    int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        return -1;
    int rc = berth_write_protect(below);
    int errnum = errno;
    close(below);
    errno = errnum;
    return rc;
}

static int protect_entries(DIR *dir)
{
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        bool is_itself = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_itself && protect_entry(dirfd(dir), entry->d_name) < 0)
            return -1;
    }
    return errno ? -1 : 0;
}

int berth_write_protect(int folder)
{
    if (fchmod(folder, 0555) < 0)
        return -1;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -1;
    }
    int rc = protect_entries(dir);
    int errnum = errno;
    closedir(dir);
    errno = errnum;
    return rc;
}
