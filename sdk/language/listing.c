#include "language.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder on the way down, so that links that lead back up are seen. */
struct level {
    const struct level *up;
    dev_t device;
    ino_t inode;
};

bool matches_any(const char *const *patterns, const char *name)
{
    for (; patterns && *patterns; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Appends a copy of the name; there is always room for the NULL at the end. */
static int append(char ***names, size_t *count, const char *name)
{
    char *copy = strdup(name);
    char **larger = copy ? realloc(*names, (*count + 2) * sizeof(**names)) : NULL;
    if (!larger) {
        free(copy);
        return -1;
    }
    larger[(*count)++] = copy;
    larger[*count] = NULL;
    *names = larger;
    return 0;
}

char **names_in(const char *folder, const char *const *exclude)
{
    size_t count = 0;
    char **names = calloc(1, sizeof(*names));
    DIR *listing = opendir(folder);
    int failed = names && listing ? 0 : -1;
    for (const struct dirent *entry; failed == 0 && (entry = readdir(listing)) != NULL;)
        if (entry->d_name[0] != '.' && !matches_any(exclude, entry->d_name))
            failed = append(&names, &count, entry->d_name);
    int errnum = errno;
    if (listing)
        closedir(listing);
    if (failed < 0) {
        names_free(names);
        errno = errnum;
        return NULL;
    }
    qsort(names, count, sizeof(*names), by_name);
    return names;
}

void names_free(char **names)
{
    for (size_t i = 0; names && names[i]; i++)
        free(names[i]);
    free(names);
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return -1;
        bytes += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static bool is_above(const struct level *level, const struct stat *status)
{
    for (; level; level = level->up)
        if (level->device == status->st_dev && level->inode == status->st_ino)
            return true;
    return false;
}

/* The files of the folder that `path` is, from its byte `top` on; `path` becomes that of each in turn. */
static int write_folder(char path[PATH_MAX], size_t top, const struct level *up, const char *const *exclude,
                        int fd)
{
    int rc = 0;
    struct stat status;
    size_t length = strlen(path);
    if (stat(path, &status) < 0 || is_above(up, &status))
        return 0;
    const struct level level = {up, status.st_dev, status.st_ino};
    char **names = names_in(path, exclude);
    for (size_t i = 0; names && names[i] && rc == 0; i++) {
        size_t end = length + 1 + strlen(names[i]);
        if (end + 1 >= PATH_MAX || strchr(names[i], '\n'))
            continue;
        snprintf(path + length, PATH_MAX - length, "/%s", names[i]);
        if (stat(path, &status) < 0)
            continue;
        if (S_ISDIR(status.st_mode)) {
            rc = write_folder(path, top, &level, exclude, fd);
        } else if (S_ISREG(status.st_mode)) {
            path[end] = '\n';
            rc = write_all(fd, path + top, end + 1 - top);
        }
    }
    names_free(names);
    path[length] = '\0';
    return rc;
}

int listing_write(const char *folder, const char *const *exclude, int fd)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s", folder) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return write_folder(path, strlen(path) + 1, NULL, exclude, fd);
}
