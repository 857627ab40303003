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
#define KEPT_MODE   01777

struct pending_link {
    char *path, *target;
};

/* Of a folder: once everything is in it. */
struct pending_mode {
    char *path;
    mode_t mode;
};

/* Links are made last: as long as there are none, no name can lead anywhere else. */
struct unpacking {
    struct archive *archive;
    const char *folder;
    struct folder_archive_limits left;
    struct pending_link *links;
    size_t link_count;
    struct pending_mode *modes;
    size_t mode_count;
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
    if (unpacking->left.keeps_modes)
        mode = archive_entry_perm(entry) & KEPT_MODE;
    if (make_folders(unpacking, name, err) < 0)
        return -1;
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (fd < 0 && (errno == EEXIST || errno == ENOTDIR))
        return refuse(name, "is there twice", err);
    if (fd < 0 || fchmod(fd, mode) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot make %s", path);
    return copy_content(unpacking, path, fd, err);
}

static int unpack_folder(struct unpacking *unpacking, struct archive_entry *entry, const char *name,
                         struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, name);
    struct error cause;
    if (fs_make_dirs(path, 0755, &cause) < 0)
        return refuse(name, "is a folder, and something else", err);
    if (!unpacking->left.keeps_modes)
        return 0;
    unpacking->modes = xgrow(unpacking->modes, unpacking->mode_count, sizeof(*unpacking->modes));
    unpacking->modes[unpacking->mode_count++] =
        (struct pending_mode){steal(&path), archive_entry_perm(entry) & KEPT_MODE};
    return 0;
}

static int keep_link(struct unpacking *unpacking, struct archive_entry *entry, const char *name,
                     struct error *err)
{
    const char *target = archive_entry_symlink(entry);
    bool leads_out = target && *target == '/' && !unpacking->left.takes_any_link;
    if (!target || !*target || leads_out)
        return refuse(name, "is a link out of its folder", err);
    unpacking->links = xgrow(unpacking->links, unpacking->link_count, sizeof(*unpacking->links));
    unpacking->links[unpacking->link_count++] = (struct pending_link){xstrdup(name), xstrdup(target)};
    return 0;
}

/* To a file that has come before. */
static int unpack_hard_link(const struct unpacking *unpacking, const char *given, const char *name,
                            struct error *err)
{
    cleanup_free char *target = plain_path(given);
    cleanup_free char *from = xasprintf("%s/%s", unpacking->folder, target);
    cleanup_free char *path = xasprintf("%s/%s", unpacking->folder, name);
    if (!unpacking->left.takes_any_link)
        return refuse(name, "is a hard link", err);
    if (!*target || check_path(target, err) < 0 || make_folders(unpacking, name, err) < 0)
        return refuse(name, "is a link out of its folder", err);
    return link(from, path) < 0 ? refuse(name, "is a link that leads nowhere, or is there twice", err) : 0;
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
        return unpack_hard_link(unpacking, archive_entry_hardlink(entry), name, err);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return unpack_file(unpacking, entry, name, err);
    case AE_IFDIR:
        return unpack_folder(unpacking, entry, name, err);
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
    for (size_t i = 0; i < unpacking->link_count && rc == 0 && !unpacking->left.takes_any_link; i++)
        rc = check_link(unpacking, &unpacking->links[i], err);
    return rc;
}

/* Those below come before those above, whatever these then allow. */
static int set_modes(const struct unpacking *unpacking, struct error *err)
{
    for (size_t i = unpacking->mode_count; i-- > 0;) {
        if (chmod(unpacking->modes[i].path, unpacking->modes[i].mode) < 0)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot set the mode of %s",
                               unpacking->modes[i].path);
    }
    return 0;
}

/* --- the whole --- */

/* The archive's own entry may be missing where memory is short, which nobody is told. */
static int unpack(struct unpacking *unpacking, struct archive_entry *entry, struct error *err)
{
    for (;;) {
        int rc = archive_read_next_header2(unpacking->archive, entry);
        if (rc == ARCHIVE_EOF)
            return make_links(unpacking, err) < 0 ? -1 : set_modes(unpacking, err);
        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
            return damaged(unpacking, err);
        if (unpack_entry(unpacking, entry, err) < 0)
            return -1;
    }
}

/* What the archive is read from. */
struct source {
    int fd;
    char piece[PIECE_BYTES];
};

static la_ssize_t read_piece(struct archive *archive, void *context, const void **ret_piece)
{
    struct source *source = context;
    ssize_t size;
    do
        size = read(source->fd, source->piece, sizeof(source->piece));
    while (size < 0 && errno == EINTR);
    if (size < 0)
        archive_set_error(archive, errno, "it cannot be read");
    *ret_piece = source->piece;
    return size;
}

/* Step by step, since archive_read_open_fd() goes on without the memory that a step of it could not have. */
static bool open_source(struct archive *archive, struct source *source)
{
    return archive_read_support_filter_gzip(archive) >= ARCHIVE_WARN &&
           archive_read_support_format_tar(archive) == ARCHIVE_OK &&
           archive_read_set_read_callback(archive, read_piece) == ARCHIVE_OK &&
           archive_read_set_callback_data(archive, source) == ARCHIVE_OK &&
           archive_read_open1(archive) == ARCHIVE_OK;
}

int folder_archive_unpack(int fd, const char *folder, const struct folder_archive_limits *limits,
                          struct error *err)
{
    struct unpacking unpacking = {.archive = archive_read_new(), .folder = folder, .left = *limits};
    struct archive_entry *entry = archive_entry_new();
    if (!unpacking.archive || !entry)
        alloc_failed();
    struct source *source = xcalloc(1, sizeof(*source));
    source->fd = fd;
    int rc =
        open_source(unpacking.archive, source) ? unpack(&unpacking, entry, err) : damaged(&unpacking, err);
    archive_entry_free(entry);
    archive_read_free(unpacking.archive);
    free(source);
    for (size_t i = 0; i < unpacking.link_count; i++) {
        free(unpacking.links[i].path);
        free(unpacking.links[i].target);
    }
    free(unpacking.links);
    for (size_t i = 0; i < unpacking.mode_count; i++)
        free(unpacking.modes[i].path);
    free(unpacking.modes);
    return rc;
}
