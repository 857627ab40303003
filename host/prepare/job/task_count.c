#include "prepare/job/task_count.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define LINKS_OF_FOLDER 2 /* and one for each that is in it */

static size_t tasks_of_process(int proc, const char *process)
{
    char path[300];
    struct stat status;
    snprintf(path, sizeof(path), "%s/task", process);
    return fstatat(proc, path, &status, 0) < 0 ? 0 : status.st_nlink - LINKS_OF_FOLDER;
}

size_t tasks_of_user(uid_t user)
{
    size_t count = 0;
    cleanup_dir DIR *dir = opendir("/proc");
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat status;
        if (isdigit((unsigned char)entry->d_name[0]) && fstatat(dirfd(dir), entry->d_name, &status, 0) == 0 &&
            status.st_uid == user)
            count += tasks_of_process(dirfd(dir), entry->d_name);
    }
    return count;
}
