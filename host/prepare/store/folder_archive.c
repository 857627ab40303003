#include "prepare/store/folder_archive.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/store/tree.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_BYTES 65536

struct pending_link {
    char *path, *target;
};

/* Links are made last: as long as there are none, no name can lead anywhere else. */
struct unpacking {
    struct archive *archive;
    const char *folder;
    struct folder_archive_limits left;
    struct pending_link *links;
    size_t link_count;
};

static int refuse(const char *path, const char *why, struct error *err)
{
    return error_set(err, ERROR_BAD_CALL, "the archive's entry \"%.200s\" %s", path, why);
}

static int damaged(const struct unpacking *unpacking, struct error *err)
{
    const char *why = archive_error_string(unpacking->archive);
    return error_set(err, ERROR_BAD_CALL, "the archive cannot be read: %s", why ? why : "it is damaged");
}

/* Without the "./" that tar puts before names, and the slash at the end of folders. "" is the top. */
static char *plain_path(const char *given)
{
    while (strncmp(given, "./", 2) == 0)
        given += 2 + strspn(given + 2, "/");
    size_t length = strlen(given);
    while (length > 0 && given[length - 1] == '/')
        length--;
    return strcmp(given, ".") == 0 ? xstrdup("") : xstrndup(given, length);
}

static int check_path(const char *path, struct error *err)
{
    unsigned depth = 0;
    if (*path == '/')
        return refuse(path, "has an absolute name", err);
    if (strlen(path) >= TREE_PATH_MAX)
        return refuse(path, "has too long a name", err);
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        bool is_dots = (length == 1 && part[0] == '.') || (length == 2 && strncmp(part, "..", 2) == 0);
        if (length == 0 || is_dots)
            return refuse(path, "leaves its folder, or has no plain name", err);
        if (++depth > TREE_DEPTH_MAX)
            return refuse(path, "is nested too deeply", err);
    }
    return 0;
}

/* The folders that `name` is in. */
static int make_folders(const struct unpacking *unpacking, const char *name, struct error *err)
{
    const char *slash = strrchr(name, '/');
    cleanup_free char *above = xasprintf("%s/%.*s", unpacking->folder, slash ? (int)(slash - name) : 0, name);
    struct error cause;
    if (fs_make_dirs(above, 0755, &cause) < 0)
        return refuse(name, "is in a folder that something else has the name of", err);
    return 0;
}

/* --- entries --- */

static int copy_content(struct unpacking *unpacking, const char *path, int fd, struct error *err)
{
    char piece[PIECE_BYTES];
    for (;;) {
        la_ssize_t size = archive_read_data(unpacking->archive, piece, sizeof(piece));
        if (size < 0)
            return damaged(unpacking, err);
        if (size == 0)
            return 0;
        if ((uint64_t)size > unpacking->left.bytes)
            return error_set_in(err, COMPONENT_ADMIN, ERROR_BODY_TOO_LARGE,
                                "the archive's files are larger together than can be deployed");
        unpacking->left.bytes -= (uint64_t)size;
        if (fs_write_all(fd, piece, (size_t)size) < 0)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot write %s", path);
    }
}

static int unpack_file(struct unpacking *unpacking, struct archive_entry *entry, const char *name,
                       struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, name);
    mode_t mode = archive_entry_perm(entry) & S_IXUSR ? 0755 : 0644;
    if (make_folders(unpacking, name, err) < 0)
        return -1;
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && (errno == EEXIST || errno == ENOTDIR))
        return refuse(name, "is there twice", err);
    if (fd < 0 || fchmod(fd, mode) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot make %s", path);
    return copy_content(unpacking, path, fd, err);
}

static int unpack_folder(const struct unpacking *unpacking, const char *name, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, name);
    struct error cause;
    if (fs_make_dirs(path, 0755, &cause) < 0)
        return refuse(name, "is a folder, and something else", err);
    return 0;
}

static int keep_link(struct unpacking *unpacking, struct archive_entry *entry, const char *name,
                     struct error *err)
{
    const char *target = archive_entry_symlink(entry);
    if (!target || !*target || *target == '/')
        return refuse(name, "is a link out of its folder", err);
    unpacking->links = xgrow(unpacking->links, unpacking->link_count, sizeof(*unpacking->links));
    unpacking->links[unpacking->link_count++] = (struct pending_link){xstrdup(name), xstrdup(target)};
    return 0;
}

static int unpack_entry(struct unpacking *unpacking, struct archive_entry *entry, struct error *err)
{
    const char *given = archive_entry_pathname(entry);
    cleanup_free char *name = given ? plain_path(given) : NULL;
    if (!name)
        return refuse("?", "has a name that cannot be read", err);
    if (!*name)
        return 0;
    if (check_path(name, err) < 0)
        return -1;
    if (unpacking->left.entries-- == 0)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_BODY_TOO_LARGE,
                            "the archive has more files than can be deployed");
    if (archive_entry_hardlink(entry))
        return refuse(name, "is a hard link", err);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return unpack_file(unpacking, entry, name, err);
    case AE_IFDIR:
        return unpack_folder(unpacking, name, err);
    case AE_IFLNK:
        return keep_link(unpacking, entry, name, err);
    default:
        return refuse(name, "is neither a file nor a folder nor a link", err);
    }
}

/* --- links --- */

static int make_link(const struct unpacking *unpacking, const struct pending_link *link, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, link->path);
    if (symlink(link->target, path) < 0)
        return refuse(link->path, "is there twice", err);
    return 0;
}

/* All are there by now: where each leads to is for the kernel to say. */
static int check_link(const struct unpacking *unpacking, const struct pending_link *link, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, link->path);
    cleanup_free char *target = realpath(path, NULL);
    cleanup_free char *real_folder = realpath(unpacking->folder, NULL);
    if (!target)
        return refuse(link->path, "is a link that leads nowhere", err);
    if (!real_folder || !fs_is_within(target, real_folder))
        return refuse(link->path, "is a link out of its folder", err);
    return 0;
}

static int make_links(const struct unpacking *unpacking, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < unpacking->link_count && rc == 0; i++)
        rc = make_folders(unpacking, unpacking->links[i].path, err);
    for (size_t i = 0; i < unpacking->link_count && rc == 0; i++)
        rc = make_link(unpacking, &unpacking->links[i], err);
    for (size_t i = 0; i < unpacking->link_count && rc == 0; i++)
        rc = check_link(unpacking, &unpacking->links[i], err);
    return rc;
}

/* --- the whole --- */

static int unpack(struct unpacking *unpacking, struct error *err)
{
    struct archive_entry *entry;
    for (;;) {
        int rc = archive_read_next_header(unpacking->archive, &entry);
        if (rc == ARCHIVE_EOF)
            return make_links(unpacking, err);
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return damaged(unpacking, err);
        if (unpack_entry(unpacking, entry, err) < 0)
            return -1;
    }
}

int folder_archive_unpack(int fd, const char *folder, const struct folder_archive_limits *limits,
                          struct error *err)
{
    struct unpacking unpacking = {.archive = archive_read_new(), .folder = folder, .left = *limits};
    archive_read_support_filter_gzip(unpacking.archive);
    archive_read_support_format_tar(unpacking.archive);
    int rc = archive_read_open_fd(unpacking.archive, fd, PIECE_BYTES) == ARCHIVE_OK
                 ? unpack(&unpacking, err)
                 : damaged(&unpacking, err);
    archive_read_free(unpacking.archive);
    for (size_t i = 0; i < unpacking.link_count; i++) {
        free(unpacking.links[i].path);
        free(unpacking.links[i].target);
    }
    free(unpacking.links);
    return rc;
}
