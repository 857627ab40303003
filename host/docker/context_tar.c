#include "docker/context_tar.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_BYTES  65536
#define OUTPUT_BYTES (1u << 20) /* one step gives a head or a piece, both far smaller */
#define PATH_BYTES   4096

struct level {
    DIR *dir;
    size_t path_length; /* of the folder, in context_tar.path */
};

struct context_tar {
    char *folder;
    struct archive *archive;
    struct strbuf output; /* made and not read yet from `taken` on */
    size_t taken;
    struct strbuf path; /* of the entry under way, relative to folder */
    struct level levels[CONTEXT_TAR_DEPTH];
    size_t depth;
    int file; /* whose content is under way, or -1 */
    uint64_t file_left;
    uint64_t room; /* bytes of content that may still come */
    bool closed;
    bool is_living; /* others work in it */
};

static la_ssize_t take_output(struct archive *archive, void *arg, const void *bytes, size_t size)
{
    struct context_tar *tar = arg;
    if (strbuf_append(&tar->output, bytes, size) == 0)
        return (la_ssize_t)size;
    archive_set_error(archive, ENOMEM, "an entry's head is too big");
    return -1;
}

static int fail_errno(const struct context_tar *tar, int errnum, struct error *err)
{
    error_errno(err, COMPONENT_DOCKER, errnum, "cannot pack %s/%s", tar->folder, strbuf_text(&tar->path));
    err->code = ERROR_BUILD_CONTEXT;
    return -1;
}

static int fail(const struct context_tar *tar, const char *why, struct error *err)
{
    return error_set(err, ERROR_BUILD_CONTEXT, "cannot pack %s/%s: %s", tar->folder, strbuf_text(&tar->path),
                     why);
}

static int enter(struct context_tar *tar, int fd, struct error *err)
{
    if (fd < 0)
        return fail_errno(tar, errno, err);
    DIR *dir = tar->depth < CONTEXT_TAR_DEPTH ? fdopendir(fd) : NULL;
    if (!dir) {
        int cause = errno;
        close(fd);
        return tar->depth < CONTEXT_TAR_DEPTH ? fail_errno(tar, cause, err)
                                              : fail(tar, "the folders are nested too deeply", err);
    }
    tar->levels[tar->depth++] = (struct level){.dir = dir, .path_length = tar->path.length};
    return 0;
}

static struct context_tar *make(const char *folder, uint64_t max)
{
    struct context_tar *tar = xcalloc(1, sizeof(*tar));
    tar->folder = xstrdup(folder);
    tar->file = -1;
    tar->room = max;
    strbuf_init(&tar->output, OUTPUT_BYTES);
    strbuf_init(&tar->path, PATH_BYTES);
    return tar;
}

static int begin(struct context_tar *tar, struct error *err)
{
    tar->archive = archive_write_new();
    bool ready = tar->archive && archive_write_set_format_pax_restricted(tar->archive) == ARCHIVE_OK &&
                 archive_write_set_bytes_per_block(tar->archive, 0) == ARCHIVE_OK &&
                 archive_write_open(tar->archive, tar, NULL, take_output, NULL) == ARCHIVE_OK;
    return ready ? 0 : fail(tar, "libarchive cannot be set up", err);
}

int context_tar_create(const char *folder, uint64_t max, struct context_tar **ret_tar, struct error *err)
{
    struct context_tar *tar = make(folder, max);
    if (begin(tar, err) < 0 || enter(tar, open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err) < 0) {
        context_tar_destroy(tar);
        return -1;
    }
    *ret_tar = tar;
    return 0;
}

void context_tar_set_living(struct context_tar *tar)
{
    tar->is_living = true;
}

void context_tar_destroy(struct context_tar *tar)
{
    if (!tar)
        return;
    while (tar->depth > 0)
        closedir(tar->levels[--tar->depth].dir);
    if (tar->file >= 0)
        close(tar->file);
    if (tar->archive)
        archive_write_free(tar->archive);
    strbuf_clear(&tar->output);
    strbuf_clear(&tar->path);
    free(tar->folder);
    free(tar);
}

/* Writes the head of the entry at tar->path. */
static int write_head(struct context_tar *tar, const struct stat *status, const char *link, struct error *err)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        alloc_failed();
    archive_entry_set_pathname(entry, strbuf_text(&tar->path));
    archive_entry_set_mode(entry, status->st_mode);
    archive_entry_set_mtime(entry, status->st_mtim.tv_sec, 0);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_size(entry, S_ISREG(status->st_mode) ? status->st_size : 0);
    if (link)
        archive_entry_set_symlink(entry, link);
    int result = archive_write_header(tar->archive, entry);
    archive_entry_free(entry);
    /* A warning says that a name is not ASCII and stands there byte by byte, which is what is wanted. */
    return result >= ARCHIVE_WARN ? 0 : fail(tar, archive_error_string(tar->archive), err);
}

/* Whether it is gone by what was said of an entry that has been looked at, or something else by now. */
static bool has_passed(const struct context_tar *tar, int errnum)
{
    return tar->is_living && (errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == EINVAL);
}

static int add_folder(struct context_tar *tar, int parent, const char *name, const struct stat *status,
                      struct error *err)
{
    cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return has_passed(tar, errno) ? 0 : fail_errno(tar, errno, err);
    if (write_head(tar, status, NULL, err) < 0)
        return -1;
    return enter(tar, steal_fd(&fd), err);
}

static int add_link(struct context_tar *tar, int parent, const char *name, const struct stat *status,
                    struct error *err)
{
    char target[PATH_BYTES];
    ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);
    if (length < 0)
        return has_passed(tar, errno) ? 0 : fail_errno(tar, errno, err);
    target[length] = '\0';
    return write_head(tar, status, target, err);
}

static int add_text(struct context_tar *tar, const char *name, const char *text, struct error *err)
{
    const struct stat status = {.st_mode = S_IFREG | 0644, .st_size = (off_t)strlen(text)};
    if (strlen(text) > CONTEXT_TAR_FILE_MAX || strbuf_append_text(&tar->path, name) < 0)
        return fail(tar, "it is too big for a build context", err);
    if (write_head(tar, &status, NULL, err) < 0)
        return -1;
    if (archive_write_data(tar->archive, text, strlen(text)) != (la_ssize_t)strlen(text))
        return fail(tar, archive_error_string(tar->archive), err);
    return 0;
}

int context_tar_create_file(const char *name, const char *text, struct context_tar **ret_tar,
                            struct error *err)
{
    struct context_tar *tar = make("", 0);
    if (begin(tar, err) < 0 || add_text(tar, name, text, err) < 0) {
        context_tar_destroy(tar);
        return -1;
    }
    *ret_tar = tar;
    return 0;
}

static int add_file(struct context_tar *tar, int parent, const char *name, struct error *err)
{
    cleanup_close int file = -1;
    struct stat status;
    struct error cause;
    if (fs_open_plain(parent, name, O_NOFOLLOW, &file, &status, &cause) < 0) {
        bool passed = tar->is_living && (cause.code == ERROR_NOT_FOUND || cause.code == ERROR_NOT_A_FILE);
        return passed ? 0 : fail(tar, cause.message, err);
    }
    if ((uint64_t)status.st_size > tar->room) {
        fail(tar, "the folder is too big for a build context", err);
        return error_hint(err, "keep only what the Dockerfile needs in it");
    }
    if (write_head(tar, &status, NULL, err) < 0)
        return -1;
    tar->room -= (uint64_t)status.st_size;
    tar->file_left = (uint64_t)status.st_size;
    tar->file = steal_fd(&file);
    return 0;
}

static int add_entry(struct context_tar *tar, int parent, const char *name, struct error *err)
{
    struct stat status;
    if (tar->path.length > 0)
        strbuf_append_text(&tar->path, "/");
    if (strbuf_append_text(&tar->path, name) < 0)
        return fail(tar, "its path is too long", err);
    if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return tar->is_living && errno == ENOENT ? 0 : fail_errno(tar, errno, err);
    if (S_ISDIR(status.st_mode))
        return add_folder(tar, parent, name, &status, err);
    if (S_ISLNK(status.st_mode))
        return add_link(tar, parent, name, &status, err);
    if (S_ISREG(status.st_mode))
        return add_file(tar, parent, name, err);
    return tar->is_living ? 0 : fail(tar, "it is neither a file nor a folder nor a link", err);
}

/* Cuts the path back to the folder of the innermost level. */
static void return_to_folder(struct context_tar *tar)
{
    tar->path.length = tar->levels[tar->depth - 1].path_length;
    if (tar->path.data)
        tar->path.data[tar->path.length] = '\0';
}

static int next_entry(struct context_tar *tar, struct error *err)
{
    return_to_folder(tar);
    DIR *dir = tar->levels[tar->depth - 1].dir;
    errno = 0;
    struct dirent *entry = readdir(dir);
    if (!entry && errno)
        return fail_errno(tar, errno, err);
    if (!entry) {
        closedir(dir);
        tar->depth--;
        return 0;
    }
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
        return 0;
    return add_entry(tar, dirfd(dir), entry->d_name, err);
}

static int next_piece(struct context_tar *tar, struct error *err)
{
    char piece[PIECE_BYTES];
    size_t want = tar->file_left < sizeof(piece) ? (size_t)tar->file_left : sizeof(piece);
    ssize_t got = want > 0 ? read(tar->file, piece, want) : 0;
    if (got < 0)
        return errno == EINTR ? 0 : fail_errno(tar, errno, err);
    if (got == 0 && want > 0 && tar->is_living) {
        memset(piece, 0, want);
        got = (ssize_t)want;
    }
    if (got == 0 && want > 0)
        return fail(tar, "it changed while it was packed", err);
    if (got > 0 && archive_write_data(tar->archive, piece, (size_t)got) != got)
        return fail(tar, archive_error_string(tar->archive), err);
    tar->file_left -= (uint64_t)got;
    if (tar->file_left == 0)
        close(steal_fd(&tar->file));
    return 0;
}

/* Makes a little more output, or closes the archive. */
static int step(struct context_tar *tar, struct error *err)
{
    if (tar->file >= 0)
        return next_piece(tar, err);
    if (tar->depth > 0)
        return next_entry(tar, err);
    tar->closed = true;
    if (archive_write_close(tar->archive) == ARCHIVE_OK)
        return 0;
    return fail(tar, archive_error_string(tar->archive), err);
}

int context_tar_read(struct context_tar *tar, char *buffer, size_t size, size_t *ret_length,
                     struct error *err)
{
    while (tar->taken == tar->output.length && !tar->closed) {
        strbuf_reset(&tar->output);
        tar->taken = 0;
        if (step(tar, err) < 0)
            return -1;
    }
    size_t left = tar->output.length - tar->taken;
    size_t length = left < size ? left : size;
    if (length > 0)
        memcpy(buffer, tar->output.data + tar->taken, length);
    tar->taken += length;
    *ret_length = length;
    return 0;
}
