#include "store/log_cursor.h"

#include "base/alloc.h"
#include "store/log_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES (16u << 10)

struct log_cursor {
    char *dir, *function;
    unsigned number; /* of the segment; 0: none yet */
    off_t at; /* in it: where `bytes` end */
    char *bytes; /* what has been read of it and not been passed */
    size_t begin, end, capacity;
    struct log_line line;
    long line_size; /* 0: no line has been read at `begin` */
    bool is_at_end;
};

struct log_cursor *log_cursor_open(const char *dir, const char *function, uint64_t since_ns)
{
    struct log_cursor *cursor = xcalloc(1, sizeof(*cursor));
    cursor->dir = xstrdup(dir);
    cursor->function = xstrdup(function);
    for (unsigned number = 0; (number = log_segment_after(dir, function, number)) > 0;) {
        char path[PATH_MAX];
        struct stat status;
        log_segment_path(path, dir, function, number);
        cursor->number = number;
        if (stat(path, &status) == 0 &&
            (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec >= since_ns)
            break;
    }
    return cursor;
}

void log_cursor_close(struct log_cursor *cursor)
{
    free(cursor->dir);
    free(cursor->function);
    free(cursor->bytes);
    free(cursor);
}

const char *log_cursor_function(const struct log_cursor *cursor)
{
    return cursor->function;
}

static void make_room(struct log_cursor *cursor)
{
    if (cursor->begin > 0)
        memmove(cursor->bytes, cursor->bytes + cursor->begin, cursor->end - cursor->begin);
    cursor->end -= cursor->begin;
    cursor->begin = 0;
    if (cursor->capacity - cursor->end < BLOCK_BYTES) {
        cursor->capacity = cursor->end + BLOCK_BYTES;
        cursor->bytes = xrealloc(cursor->bytes, cursor->capacity);
    }
}

/* The file is not held open: there may be as many cursors as there are functions. False: there is no more. */
static bool read_block(struct log_cursor *cursor)
{
    char path[PATH_MAX];
    if (cursor->number == 0)
        return false;
    log_segment_path(path, cursor->dir, cursor->function, cursor->number);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    make_room(cursor);
    ssize_t got = pread(fd, cursor->bytes + cursor->end, BLOCK_BYTES, cursor->at);
    close(fd);
    if (got <= 0)
        return false;
    cursor->end += (size_t)got;
    cursor->at += got;
    return true;
}

static void go_to_segment(struct log_cursor *cursor, unsigned number)
{
    cursor->number = number;
    cursor->at = 0;
    cursor->begin = cursor->end = 0;
}

/* There are no whole lines left here. A segment gets no more once there is a next one, which may have come
 * only after this one's end was seen: so it is read again before it is left. */
static bool read_on(struct log_cursor *cursor, bool is_damaged)
{
    if (!is_damaged && read_block(cursor))
        return true;
    unsigned next = log_segment_after(cursor->dir, cursor->function, cursor->number);
    if (next == 0)
        return false;
    if (is_damaged || !read_block(cursor))
        go_to_segment(cursor, next);
    return true;
}

const struct log_line *log_cursor_line(struct log_cursor *cursor)
{
    while (cursor->line_size == 0) {
        long size = 0;
        if (cursor->is_at_end)
            return NULL;
        if (cursor->end > cursor->begin)
            size = log_line_read(cursor->bytes + cursor->begin, cursor->end - cursor->begin, &cursor->line);
        if (size > 0)
            cursor->line_size = size;
        else
            cursor->is_at_end = !read_on(cursor, size < 0);
    }
    return &cursor->line;
}

void log_cursor_look_again(struct log_cursor *cursor)
{
    cursor->is_at_end = false;
}

void log_cursor_move(struct log_cursor *cursor)
{
    cursor->begin += (size_t)cursor->line_size;
    cursor->line_size = 0;
}
