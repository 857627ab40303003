#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int folder_fd = -1, dependencies_fd = -1;

static int open_folder(const char *path)
{
    return path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

void files_open(const struct berth_function *function)
{
    files_close();
    folder_fd = open_folder(function->folder);
    dependencies_fd = open_folder(BERTH_HAS(function, dependencies) ? function->dependencies : NULL);
}

void files_close(void)
{
    int *const fds[] = {&folder_fd, &dependencies_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

/* The path that is an argument, "." for the folder itself; false when no file can have it. */
static bool path_of(duk_context *engine, duk_idx_t index, char path[PATH_MAX])
{
    duk_size_t size;
    const char *bytes = duk_require_buffer_data(engine, index, &size);
    if (size == 0) {
        memcpy(path, ".", sizeof("."));
        return true;
    }
    if (size >= PATH_MAX || bytes[0] == '/' || memchr(bytes, '\0', size))
        return false;
    memcpy(path, bytes, size);
    path[size] = '\0';
    return true;
}

static const char *kind_of(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "folder" : "other";
}

static duk_ret_t kind(duk_context *engine)
{
    char path[PATH_MAX];
    struct stat status;
    if (folder_fd < 0 || !path_of(engine, 0, path) || fstatat(folder_fd, path, &status, 0) < 0)
        return 0;
    duk_push_string(engine, kind_of(status.st_mode));
    return 1;
}

static duk_ret_t installed(duk_context *engine)
{
    char path[PATH_MAX];
    struct stat status;
    duk_push_boolean(engine, dependencies_fd >= 0 && path_of(engine, 0, path) &&
                                 fstatat(dependencies_fd, path, &status, 0) == 0);
    return 1;
}

/* Puts the bytes of an open file onto the stack, or says why not. */
static const char *push_bytes(duk_context *engine, int fd, duk_size_t max)
{
    struct stat status;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return "other";
    if ((duk_size_t)status.st_size > max)
        return "large";
    char *bytes = duk_push_dynamic_buffer(engine, (duk_size_t)status.st_size);
    duk_size_t length = 0;
    while (length < (duk_size_t)status.st_size) {
        ssize_t size = read(fd, bytes + length, (size_t)status.st_size - length);
        if (size < 0 && errno != EINTR)
            return "denied";
        if (size == 0)
            break;
        length += size > 0 ? (duk_size_t)size : 0;
    }
    duk_resize_buffer(engine, -1, length);
    return NULL;
}

static duk_ret_t read_file(duk_context *engine)
{
    char path[PATH_MAX];
    duk_size_t max = (duk_size_t)duk_require_uint(engine, 1);
    int fd = folder_fd < 0 || !path_of(engine, 0, path)
                 ? -1
                 : openat(folder_fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        duk_push_string(engine, errno == EACCES ? "denied" : errno == ENXIO ? "other" : "missing");
        return 1;
    }
    const char *why_not = push_bytes(engine, fd, max);
    close(fd);
    if (why_not)
        duk_push_string(engine, why_not);
    else
        duk_push_buffer_object(engine, -1, 0, duk_get_length(engine, -1), DUK_BUFOBJ_UINT8ARRAY);
    return 1;
}

static duk_ret_t list(duk_context *engine)
{
    char path[PATH_MAX];
    int fd = folder_fd < 0 || !path_of(engine, 0, path)
                 ? -1
                 : openat(folder_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder)
        return 0;
    duk_idx_t names = duk_push_array(engine);
    duk_uarridx_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        size_t size = strlen(entry->d_name);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        memcpy(duk_push_fixed_buffer(engine, size), entry->d_name, size);
        duk_push_buffer_object(engine, -1, 0, size, DUK_BUFOBJ_UINT8ARRAY);
        duk_put_prop_index(engine, names, count++);
        duk_pop(engine);
    }
    closedir(folder);
    return 1;
}

static duk_ret_t processor_time(duk_context *engine)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    duk_push_number(engine, (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6);
    return 1;
}

void files_offer(duk_context *engine)
{
    static const duk_function_list_entry functions[] = {
        {"clock", processor_time, 0},
        {"installed", installed, 1},
        {"kind", kind, 1},
        {"list", list, 1},
        {"read", read_file, 2},
        {NULL, NULL, 0},
    };
    duk_push_object(engine);
    duk_put_function_list(engine, -1, functions);
    duk_put_global_string(engine, "host");
}
