#include "files.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "sim.h"
#include "trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT        "/dev/shm" /* in memory: thousands of runs are not to wear a disk */
#define SIZE_MAX_READ 4096

int files_make_root(char *ret_root, size_t size)
{
    snprintf(ret_root, size, "%s/berth-sim-XXXXXX", access(PARENT, W_OK) == 0 ? PARENT : "/tmp");
    return mkdtemp(ret_root) ? 0 : -1;
}

void files_remove_root(const char *root)
{
    struct error err;
    if (fs_remove_tree(root, &err) < 0)
        fprintf(stderr, "sim: %s\n", err.message);
}

void files_empty_root(const char *root)
{
    files_remove_root(root);
    mkdir(root, 0700);
}

void files_begin(void)
{
    files_write("plugins/" DIALLING ".so", "");
    files_write("plugins/" DIALLING "/image/Dockerfile", "FROM scratch\n");
    files_write("plugins/" SERVING ".so", "");
    files_write("plugins/" SERVING "/image/Dockerfile", "FROM scratch\n");
}

void files_write(const char *path, const char *text)
{
    cleanup_free char *whole = xasprintf("%s/%s", sim.root, path);
    cleanup_free char *folder = xstrdup(whole);
    struct error err;
    *strrchr(folder, '/') = '\0';
    if (fs_make_dirs(folder, 0755, &err) < 0 || fs_write_file(whole, text, strlen(text), 0644, &err) < 0)
        trace_violation("%s", err.message);
}

char *files_read(const char *path)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[SIZE_MAX_READ + 1];
    ssize_t size = fd < 0 ? -1 : read(fd, text, SIZE_MAX_READ);
    if (size < 0)
        return NULL;
    text[size] = '\0';
    return xstrdup(text);
}
