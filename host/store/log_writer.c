#include "store/log_writer.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "base/table.h"
#include "store/log_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH_MAX (16u << 20)
#define SEGMENTS_USUAL                                                                                       \
    256 /* that make up all that is kept; so the oldest part that goes at once is small                      \
         */
#define SEGMENT_MIN (4u << 10)
#define SEGMENT_MAX (4u << 20)

struct log_file {
    UT_hash_handle hh;
    struct log_file *gone; /* the next of those that are forgotten together */
    unsigned number; /* of the segment that is written to */
    uint64_t bytes; /* of it */
    struct strbuf batch;
    size_t batch_lines;
    char function[];
};

struct log_writer {
    char *dir;
    uint64_t max_bytes, bytes; /* that may be kept; that are */
    struct log_file *files;
    bool is_failing; /* which has been said */
    size_t lost; /* lines, since the last flush */
};

struct log_writer *log_writer_create(const char *dir, uint64_t max_bytes)
{
    struct log_writer *writer = xcalloc(1, sizeof(*writer));
    writer->dir = xstrdup(dir);
    writer->max_bytes = max_bytes;
    writer->bytes = log_segments_prune(dir, max_bytes);
    return writer;
}

static bool is_there(const struct log_writer *writer, const struct log_file *file)
{
    char path[PATH_MAX];
    log_segment_path(path, writer->dir, file->function, file->number);
    return access(path, F_OK) == 0;
}

/* Takes them out, chained by `gone`. */
static struct log_file *take_out(struct log_writer *writer, bool only_gone)
{
    struct log_file *file, *next, *gone = NULL;
    HASH_ITER(hh, writer->files, file, next)
    {
        if (only_gone && is_there(writer, file))
            continue;
        HASH_DEL(writer->files, file);
        file->gone = gone;
        gone = file;
    }
    return gone;
}

static void forget_files(struct log_writer *writer, bool only_gone)
{
    struct log_file *file = take_out(writer, only_gone);
    while (file) {
        struct log_file *next = file->gone;
        strbuf_clear(&file->batch);
        free(file);
        file = next;
    }
}

void log_writer_destroy(struct log_writer *writer)
{
    if (!writer)
        return;
    forget_files(writer, false);
    free(writer->dir);
    free(writer);
}

static uint64_t segment_max(const struct log_writer *writer)
{
    uint64_t bytes = writer->max_bytes / SEGMENTS_USUAL;
    return bytes < SEGMENT_MIN ? SEGMENT_MIN : bytes > SEGMENT_MAX ? SEGMENT_MAX : bytes;
}

/* A process that ended within a write may have left a part of a line: what comes goes into a new segment.
 * Numbers grow also when all segments of a function have been removed, so that who reads on finds the next
 * one. */
static struct log_file *add_file(struct log_writer *writer, const char *function)
{
    struct log_file *file = xcalloc(1, sizeof(*file) + strlen(function) + 1);
    memcpy(file->function, function, strlen(function));
    const unsigned newest = log_segment_newest(writer->dir, function), now = (unsigned)time(NULL);
    file->number = newest < now ? now : newest + 1;
    strbuf_init(&file->batch, BATCH_MAX);
    HASH_ADD_STR(writer->files, function, file);
    return file;
}

static int open_segment(const struct log_writer *writer, const struct log_file *file)
{
    char path[PATH_MAX];
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    log_segment_path(path, writer->dir, file->function, file->number);
    int fd = open(path, flags, 0600);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    char *slash = strrchr(path, '/');
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
    return open(path, flags, 0600);
}

static int append_batch(struct log_writer *writer, struct log_file *file)
{
    if (file->bytes > 0 && file->bytes + file->batch.length > segment_max(writer)) {
        file->number++;
        file->bytes = 0;
    }
    int fd = open_segment(writer, file);
    if (fd < 0)
        return -1;
    int rc = fs_write_all(fd, file->batch.data, file->batch.length);
    int errnum = errno;
    close(fd);
    errno = errnum;
    file->bytes += file->batch.length;
    writer->bytes += file->batch.length;
    if (rc < 0) /* there may be a part of a line at its end */
        file->bytes = SEGMENT_MAX;
    return rc;
}

/* Once until it works again. */
static void say_failing(struct log_writer *writer, int errnum)
{
    struct error err;
    if (writer->is_failing)
        return;
    error_errno(&err, COMPONENT_FILES, errnum, "cannot keep what functions write in %s", writer->dir);
    log_warning("logs.failing", LOG_ERR(&err));
    writer->is_failing = true;
}

/* Returns how many lines could not be written. */
static size_t write_batch(struct log_writer *writer, struct log_file *file)
{
    size_t lost = 0;
    if (file->batch.length == 0)
        return 0;
    if (append_batch(writer, file) == 0) {
        writer->is_failing = false;
    } else {
        say_failing(writer, errno);
        lost = file->batch_lines;
    }
    strbuf_clear(&file->batch);
    file->batch_lines = 0;
    return lost;
}

void log_writer_add(struct log_writer *writer, const char *function, const char *form, size_t size)
{
    struct log_file *file;
    HASH_FIND_STR(writer->files, function, file);
    if (!file)
        file = add_file(writer, function);
    if (file->batch.length + size > segment_max(writer))
        writer->lost += write_batch(writer, file);
    strbuf_append(&file->batch, form, size);
    file->batch_lines++;
}

size_t log_writer_flush(struct log_writer *writer)
{
    size_t lost = writer->lost;
    struct log_file *file, *next;
    HASH_ITER(hh, writer->files, file, next)
    lost += write_batch(writer, file);
    writer->lost = 0;
    if (writer->bytes > writer->max_bytes) {
        writer->bytes = log_segments_prune(writer->dir, writer->max_bytes - writer->max_bytes / 16);
        forget_files(writer, true);
    }
    return lost;
}
