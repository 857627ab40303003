#include "plugin_test/odd_functions.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FOLDER_MODE   0755
#define FILE_MODE     0644
#define HUGE_BYTES    (32u << 20)
#define LINE_BYTES    (1u << 20)
#define BRACKETS      100000
#define FILES         1000
#define DEPTH         60
#define BINARY_BYTES  65536
#define FILE_MAX      (64u << 20)
#define ENTRY_UNNAMED "main" /* what stands in for a named file where there is none */

/* --- tools --- */

static int cannot(struct error *err, const char *path)
{
    return error_errno(err, COMPONENT_FILES, errno, "cannot make %s", path);
}

static int write_file(const char *path, const void *bytes, size_t size, int flags, struct error *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, FILE_MODE);
    return fd < 0 || fs_write_all(fd, bytes, size) < 0 ? cannot(err, path) : 0;
}

/* The whole path of the file that the user names. The caller frees it. */
static char *entry_path(const char *folder, char **file)
{
    if (!*file)
        *file = xstrdup(ENTRY_UNNAMED);
    return xasprintf("%s/%s", folder, *file);
}

/* Each file of the function, one after the other. */
typedef int rewrite_fn(const char *path, struct error *err);

struct rewriting {
    const char *folder;
    rewrite_fn *rewrite;
};

static int on_file(void *context, const struct tree_entry *entry, struct error *err)
{
    const struct rewriting *rewriting = context;
    cleanup_free char *path = xasprintf("%s/%s", rewriting->folder, entry->path);
    return entry->kind == TREE_FILE ? rewriting->rewrite(path, err) : 0;
}

static int rewrite_all(const char *folder, rewrite_fn *rewrite, struct error *err)
{
    return tree_walk(folder, on_file, &(struct rewriting){folder, rewrite}, err);
}

/* --- files that are not as they should be --- */

static int remove_file(const char *path, struct error *err)
{
    return unlink(path) < 0 ? cannot(err, path) : 0;
}

int odd_no_files(const char *folder, char **file, struct error *err)
{
    free(*file);
    *file = NULL;
    return rewrite_all(folder, remove_file, err);
}

int odd_missing(const char *folder, char **file, struct error *err)
{
    (void)folder, (void)err;
    free(*file);
    *file = xstrdup("not-there");
    return 0;
}

static int empty_file(const char *path, struct error *err)
{
    return truncate(path, 0) < 0 ? cannot(err, path) : 0;
}

int odd_empty(const char *folder, char **file, struct error *err)
{
    (void)file;
    return rewrite_all(folder, empty_file, err);
}

static int break_file(const char *path, struct error *err)
{
    static const char garbage[] = "\n}{)(]['\"`\\ <<EOF $((\n\t \x01\x7f%s%n";
    struct stat status;
    if (stat(path, &status) < 0 || truncate(path, status.st_size / 2) < 0)
        return cannot(err, path);
    return write_file(path, garbage, sizeof(garbage) - 1, O_APPEND, err);
}

int odd_broken(const char *folder, char **file, struct error *err)
{
    (void)file;
    return rewrite_all(folder, break_file, err);
}

/* The same bytes each time, all of which occur. */
static int make_binary(const char *path, struct error *err)
{
    static unsigned char bytes[BINARY_BYTES];
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (unsigned char)(state >> 24);
    }
    return write_file(path, bytes, sizeof(bytes), O_TRUNC, err);
}

int odd_binary(const char *folder, char **file, struct error *err)
{
    (void)file;
    return rewrite_all(folder, make_binary, err);
}

static int spoil_encoding(const char *path, struct error *err)
{
    static const char bytes[] = "\n\xff\xfe caf\xe9 \xc0\xaf \xed\xa0\x80\n";
    return write_file(path, bytes, sizeof(bytes) - 1, O_APPEND, err);
}

int odd_not_utf8(const char *folder, char **file, struct error *err)
{
    (void)file;
    cleanup_free char *path = xasprintf("%s/caf\xe9\xff", folder);
    if (rewrite_all(folder, spoil_encoding, err) < 0)
        return -1;
    return write_file(path, "x\n", 2, 0, err);
}

/* Appends `bytes` until the file has got `total` more. */
static int append_much(const char *path, const char *bytes, size_t total, struct error *err)
{
    cleanup_free char *block = xmalloc(total);
    size_t length = strlen(bytes);
    for (size_t at = 0; at < total; at += length)
        memcpy(block + at, bytes, length < total - at ? length : total - at);
    return write_file(path, block, total, O_APPEND, err);
}

int odd_huge(const char *folder, char **file, struct error *err)
{
    cleanup_free char *path = entry_path(folder, file);
    return append_much(path, "# a line that says nothing, many times over\n", HUGE_BYTES, err);
}

int odd_long_line(const char *folder, char **file, struct error *err)
{
    cleanup_free char *path = entry_path(folder, file);
    return append_much(path, "x", LINE_BYTES, err);
}

int odd_nested(const char *folder, char **file, struct error *err)
{
    cleanup_free char *path = entry_path(folder, file);
    return append_much(path, "(", BRACKETS, err);
}

/* --- more than the function --- */

int odd_many_files(const char *folder, char **file, struct error *err)
{
    (void)file;
    for (int i = 0; i < FILES; i++) {
        cleanup_free char *path = xasprintf("%s/further-%d", folder, i);
        if (write_file(path, "x\n", 2, 0, err) < 0)
            return -1;
    }
    return 0;
}

int odd_deep(const char *folder, char **file, struct error *err)
{
    (void)file;
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s", folder);
    for (int i = 0; i < DEPTH; i++)
        length += snprintf(path + length, sizeof(path) - (size_t)length, "/d");
    return fs_make_dirs(path, FOLDER_MODE, err);
}

static int make_socket(const char *folder, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/a-socket", folder);
    if (fd < 0 || length >= (int)sizeof(address.sun_path) ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return cannot(err, address.sun_path);
    return 0;
}

int odd_special_files(const char *folder, char **file, struct error *err)
{
    static const struct {
        const char *name, *to;
    } links[] = {{"to-nowhere", "not-there"}, {"to-itself", "to-itself"}};
    cleanup_free char *pipe = xasprintf("%s/a-pipe", folder);
    (void)file;
    if (mkfifo(pipe, FILE_MODE) < 0)
        return cannot(err, pipe);
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        cleanup_free char *path = xasprintf("%s/%s", folder, links[i].name);
        if (symlink(links[i].to, path) < 0)
            return cannot(err, path);
    }
    return make_socket(folder, err);
}

int odd_pipe(const char *folder, char **file, struct error *err)
{
    cleanup_free char *path = entry_path(folder, file);
    if (fs_remove_tree(path, err) < 0)
        return -1;
    return mkfifo(path, FILE_MODE) < 0 ? cannot(err, path) : 0;
}

int odd_folder(const char *folder, char **file, struct error *err)
{
    cleanup_free char *path = entry_path(folder, file);
    return fs_remove_tree(path, err) < 0 ? -1 : fs_make_dirs(path, FOLDER_MODE, err);
}
