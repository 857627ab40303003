/* Archives of arbitrary bytes: whatever they are, nothing is made outside of the folder. */
#include "prepare/store/folder_archive.h"

#include "base/alloc.h"
#include "base/fs.h"

#include <dirent.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The folder is alone in the one that it is in. */
static void check_alone(const char *above)
{
    DIR *dir = opendir(above);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "in") != 0)
            abort();
    }
    closedir(dir);
}

static void unpack(const uint8_t *data, size_t size, const struct folder_archive_limits *limits)
{
    char above[] = "/tmp/fuzz-archive-XXXXXX";
    int fd = memfd_create("archive", MFD_CLOEXEC);
    if (!mkdtemp(above) || fd < 0 || fs_write_all(fd, data, size) < 0)
        abort();
    lseek(fd, 0, SEEK_SET);
    char *folder = xasprintf("%s/in", above);
    struct error err;
    if (fs_make_dirs(folder, 0700, &err) < 0)
        abort();
    folder_archive_unpack(fd, folder, limits, &err);
    check_alone(above);
    fs_remove_tree(above, NULL);
    free(folder);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct folder_archive_limits deployment = {.bytes = 1 << 16, .entries = 64};
    static const struct folder_archive_limits volume = {
        .bytes = 1 << 16, .entries = 64, .keeps_modes = true, .takes_any_link = true};
    unpack(data, size, &deployment);
    unpack(data, size, &volume);
    return 0;
}
