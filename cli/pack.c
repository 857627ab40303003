#include "cli/pack.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/stray_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES 65536

struct packing {
    struct archive *archive;
    char *top; /* the folder, without links */
};

static int fail_archive(const struct packing *packing, struct error *err)
{
    return error_set(err, ERROR_IO, "cannot pack: %s", archive_error_string(packing->archive));
}

static int write_content(const struct packing *packing, int fd, const char *path, struct error *err)
{
    char piece[PIECE_BYTES];
    ssize_t size;
    while ((size = read(fd, piece, sizeof(piece))) > 0) {
        if (archive_write_data(packing->archive, piece, (size_t)size) < 0)
            return fail_archive(packing, err);
    }
    if (size < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read %s", path);
    return 0;
}

static int write_head(const struct packing *packing, const struct stat *status, const char *name,
                      const char *link, struct error *err)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, status->st_mode);
    archive_entry_set_mtime(entry, status->st_mtim.tv_sec, 0);
    if (S_ISREG(status->st_mode))
        archive_entry_set_size(entry, status->st_size);
    if (link)
        archive_entry_set_symlink(entry, link);
    int rc = archive_write_header(packing->archive, entry);
    archive_entry_free(entry);
    return rc < ARCHIVE_WARN ? fail_archive(packing, err) : 0;
}

static int pack_file(const struct packing *packing, const char *path, const char *name, struct error *err)
{
    struct stat status;
    cleanup_close int fd = -1;
    if (fs_open_plain(AT_FDCWD, path, O_NOFOLLOW, &fd, &status, err) < 0 ||
        write_head(packing, &status, name, NULL, err) < 0)
        return -1;
    return write_content(packing, fd, path, err);
}

static int pack_link(const struct packing *packing, const FTSENT *found, const char *name, struct error *err)
{
    char target[4096];
    cleanup_free char *real = realpath(found->fts_path, NULL);
    if (!real)
        return 0;
    if (!fs_is_within(real, packing->top)) {
        error_set(err, ERROR_BAD_LINK, "the link %s leads out of the folder, to %s", found->fts_path, real);
        return error_hint(err, "put the file itself there");
    }
    ssize_t length = readlink(found->fts_path, target, sizeof(target) - 1);
    if (length < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read the link %s", found->fts_path);
    target[length] = '\0';
    return write_head(packing, found->fts_statp, name, target, err);
}

static int pack_entry(const struct packing *packing, FTS *walk, FTSENT *found, struct error *err)
{
    const char *name = found->fts_path + strlen(packing->top);
    name += *name == '/';
    if (found->fts_level > 0 && stray_file_name(found->fts_name)) {
        fts_set(walk, found, FTS_SKIP);
        return 0;
    }
    switch (found->fts_info) {
    case FTS_D:
        return *name ? write_head(packing, found->fts_statp, name, NULL, err) : 0;
    case FTS_F:
        return pack_file(packing, found->fts_path, name, err);
    case FTS_SL:
    case FTS_SLNONE:
        return pack_link(packing, found, name, err);
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return error_errno(err, COMPONENT_FILES, found->fts_errno, "cannot read %s", found->fts_path);
    default:
        return 0;
    }
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int pack_all(const struct packing *packing, struct error *err)
{
    char *const tops[] = {packing->top, NULL};
    FTS *walk = fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);
    if (!walk)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read %s", packing->top);
    int rc = 0;
    FTSENT *found;
    while (rc == 0 && (found = fts_read(walk)))
        rc = pack_entry(packing, walk, found, err);
    fts_close(walk);
    return rc;
}

static int open_output(int *ret_fd, struct error *err)
{
    const char *folder = getenv("TMPDIR");
    int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot make a temporary file");
    *ret_fd = fd;
    return 0;
}

int pack_folder(const char *folder, int *ret_fd, struct error *err)
{
    cleanup_free char *top = realpath(folder, NULL);
    cleanup_close int fd = -1;
    if (!top || !fs_is_dir(top))
        return error_set(err, ERROR_IO, "there is no folder %s", folder);
    if (open_output(&fd, err) < 0)
        return -1;
    struct packing packing = {.archive = archive_write_new(), .top = top};
    bool ready = archive_write_add_filter_gzip(packing.archive) == ARCHIVE_OK &&
                 archive_write_set_format_pax_restricted(packing.archive) == ARCHIVE_OK &&
                 archive_write_open_fd(packing.archive, fd) == ARCHIVE_OK;
    int rc = ready ? pack_all(&packing, err) : fail_archive(&packing, err);
    if (rc == 0 && archive_write_close(packing.archive) != ARCHIVE_OK)
        rc = fail_archive(&packing, err);
    archive_write_free(packing.archive);
    if (rc < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    *ret_fd = steal_fd(&fd);
    return 0;
}
