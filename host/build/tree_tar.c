#include "build/tree.h"

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct tar {
    struct archive *archive;
    struct archive_entry *entry;
    struct strbuf bytes;
};

static ssize_t tar_write(struct archive *archive, void *context, const void *bytes, size_t size)
{
    struct tar *tar = context;
    if (strbuf_append(&tar->bytes, bytes, size) < 0) {
        archive_set_error(archive, ENOSPC, "too large");
        return -1;
    }
    return (ssize_t)size;
}

static int tar_error(const struct tar *tar, const char *path, struct error *err)
{
    if (tar->bytes.overflowed)
        return error_set(err, "build", "too-large", "the tar is larger than %zu bytes", tar->bytes.max);
    const char *text = archive_error_string(tar->archive);
    return error_set(err, "build", "io", "cannot put %s into a tar: %s", path, text ? text : "no reason");
}

static int tar_content(struct tar *tar, const struct tree_entry *entry, struct error *err)
{
    cleanup_close int fd = -1;
    if (fs_open_plain(entry->parent, entry->name, O_NOFOLLOW, &fd, NULL, err) < 0)
        return -1;
    for (;;) {
        char block[65536];
        ssize_t size = read(fd, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, "build", errno, "cannot read %s", entry->path);
        if (size == 0)
            return 0;
        if (archive_write_data(tar->archive, block, (size_t)size) != size)
            return tar_error(tar, entry->path, err);
    }
}

static int set_link(struct tar *tar, const struct tree_entry *entry, struct error *err)
{
    char target[TREE_PATH_MAX];
    ssize_t size = readlinkat(entry->parent, entry->name, target, sizeof(target) - 1);
    if (size < 0)
        return error_errno(err, "build", errno, "cannot read the link %s", entry->path);
    target[size] = '\0';
    archive_entry_set_symlink(tar->entry, target);
    return 0;
}

static int tar_visit(void *context, const struct tree_entry *entry, struct error *err)
{
    struct tar *tar = context;
    if (entry->kind == TREE_FOLDER_END || entry->kind == TREE_SPECIAL)
        return 0;
    if (tar->bytes.max - tar->bytes.length < (uint64_t)entry->status->st_size && entry->kind == TREE_FILE)
        tar->bytes.overflowed = true; /* spares reading what cannot fit */
    if (tar->bytes.overflowed)
        return tar_error(tar, entry->path, err);
    archive_entry_clear(tar->entry);
    archive_entry_set_pathname(tar->entry, entry->path);
    archive_entry_set_mode(tar->entry, entry->status->st_mode);
    archive_entry_set_mtime(tar->entry, TREE_MTIME_S, 0);
    archive_entry_set_size(tar->entry, entry->kind == TREE_FILE ? entry->status->st_size : 0);
    if (entry->kind == TREE_LINK && set_link(tar, entry, err) < 0)
        return -1;
    /* A warning says that a name is not ASCII and stands there byte by byte, which is what is wanted. */
    if (archive_write_header(tar->archive, tar->entry) < ARCHIVE_WARN)
        return tar_error(tar, entry->path, err);
    return entry->kind == TREE_FILE ? tar_content(tar, entry, err) : 0;
}

int tree_tar(const char *path, size_t max, void **ret_data, size_t *ret_size, struct error *err)
{
    struct tar tar = {.archive = archive_write_new(), .entry = archive_entry_new()};
    strbuf_init(&tar.bytes, max);
    archive_write_set_format_pax_restricted(tar.archive);
    archive_write_set_bytes_in_last_block(tar.archive, 1);
    int rc = 0;
    if (archive_write_open(tar.archive, &tar, NULL, tar_write, NULL) != ARCHIVE_OK)
        rc = tar_error(&tar, path, err);
    if (rc == 0)
        rc = tree_walk(path, tar_visit, &tar, err);
    if (rc == 0 && archive_write_close(tar.archive) != ARCHIVE_OK)
        rc = tar_error(&tar, path, err);
    archive_entry_free(tar.entry);
    archive_write_free(tar.archive);
    if (rc == 0) {
        *ret_size = tar.bytes.length;
        *ret_data = strbuf_steal(&tar.bytes);
    }
    strbuf_clear(&tar.bytes);
    return rc;
}
