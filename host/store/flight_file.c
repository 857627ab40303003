#include "store/flight_file.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAGIC      "berthff"
#define VERSION    1u
#define PAGE       4096u
#define CELL       sizeof(struct flight_cell)
#define CELLS_MAX  16384u /* of a part */
#define CELLS_STEP 64u /* so many more are made when none is free */
#define PART_BYTES ((size_t)CELLS_MAX * CELL)

_Static_assert(CELL == 1024, "cells fill pages");
_Static_assert(CELLS_MAX % CELLS_STEP == 0, "a part is full after whole steps");

struct head {
    char magic[8];
    uint32_t version;
    uint32_t parts;
    uint64_t monotonic_ns, wall_ns; /* one moment, by both clocks */
    _Atomic uint32_t cells[FLIGHT_PARTS_MAX]; /* that each part has */
};

_Static_assert(sizeof(struct head) <= PAGE, "the head is a page");

struct flight_part {
    struct flight_file *file;
    unsigned index;
    struct flight_cell *cells; /* the first */
    struct flight_cell *free; /* the one that was given back last is taken first */
};

struct flight_file {
    int fd; /* has the lock */
    char *path;
    struct head *head;
    unsigned part_count;
    struct flight_part parts[FLIGHT_PARTS_MAX];
};

static size_t part_offset(unsigned index)
{
    return PAGE + index * PART_BYTES;
}

static uint64_t wall_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the process's own --- */

/* Its space is taken before it is written to: where there is none, a write to memory would end the process.
 */
static int map_file(struct flight_file *file, struct error *err)
{
    int errnum = posix_fallocate(file->fd, 0, PAGE);
    if (errnum != 0)
        return error_errno(err, COMPONENT_FILES, errnum, "cannot take space for %s", file->path);
    void *bytes = mmap(NULL, part_offset(file->part_count), PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
    if (bytes == MAP_FAILED)
        return error_errno(err, COMPONENT_FILES, errno, "cannot map %s", file->path);
    file->head = bytes;
    file->head->version = VERSION;
    file->head->parts = file->part_count;
    file->head->monotonic_ns = clock_ns();
    file->head->wall_ns = wall_now_ns();
    memcpy(file->head->magic, MAGIC, sizeof(file->head->magic));
    return 0;
}

static int make_file(struct flight_file *file, struct error *err)
{
    file->fd = mkostemp(file->path, O_CLOEXEC);
    if (file->fd < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot make %s", file->path);
    if (flock(file->fd, LOCK_EX | LOCK_NB) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot lock %s", file->path);
    return map_file(file, err);
}

int flight_file_create(const char *folder, unsigned parts, struct flight_file **ret_file, struct error *err)
{
    if (fs_make_dirs(folder, 0700, err) < 0)
        return -1;
    struct flight_file *file = xcalloc(1, sizeof(*file));
    file->path = xasprintf("%s/XXXXXX", folder);
    file->part_count = parts;
    if (make_file(file, err) < 0) {
        flight_file_destroy(file);
        return -1;
    }
    for (unsigned i = 0; i < parts; i++)
        file->parts[i] = (struct flight_part){
            .file = file,
            .index = i,
            .cells = (struct flight_cell *)((char *)file->head + part_offset(i)),
        };
    *ret_file = file;
    return 0;
}

void flight_file_destroy(struct flight_file *file)
{
    if (!file)
        return;
    if (file->head)
        munmap(file->head, part_offset(file->part_count));
    if (file->fd >= 0) {
        unlink(file->path);
        close(file->fd);
    }
    free(file->path);
    free(file);
}

struct flight_part *flight_file_part(struct flight_file *file, unsigned index)
{
    return &file->parts[index];
}

/* --- cells --- */

/* Only when more is under way than ever before. */
static void make_cells(struct flight_part *part)
{
    _Atomic uint32_t *count = &part->file->head->cells[part->index];
    const uint32_t first = atomic_load_explicit(count, memory_order_relaxed);
    const off_t offset = (off_t)(part_offset(part->index) + first * CELL);
    if (first == CELLS_MAX || posix_fallocate(part->file->fd, offset, CELLS_STEP * CELL) != 0)
        return;
    for (uint32_t i = CELLS_STEP; i > 0; i--)
        flight_part_give(part, &part->cells[first + i - 1]);
    atomic_store_explicit(count, first + CELLS_STEP, memory_order_release);
}

struct flight_cell *flight_part_take(struct flight_part *part)
{
    if (!part->free)
        make_cells(part);
    struct flight_cell *cell = part->free;
    if (cell)
        part->free = cell->next_free;
    return cell;
}

void flight_cell_set(struct flight_cell *cell, size_t size)
{
    cell->size = (uint32_t)size;
    atomic_store_explicit(&cell->is_taken, 1, memory_order_release);
}

void flight_part_give(struct flight_part *part, struct flight_cell *cell)
{
    atomic_store_explicit(&cell->is_taken, 0, memory_order_release);
    cell->next_free = part->free;
    part->free = cell;
}

/* --- those that are left --- */

struct collecting {
    flight_visit_fn *visit;
    void *context;
    int64_t shift_ns;
};

/* Read, not mapped: it may be shorter than it says. */
static void visit_cells(int fd, unsigned part, uint32_t count, const struct collecting *collecting)
{
    struct flight_cell cell;
    for (uint32_t i = 0; i < count; i++) {
        off_t offset = (off_t)(part_offset(part) + i * CELL);
        if (pread(fd, &cell, CELL, offset) != (ssize_t)CELL)
            return;
        if (cell.is_taken == 1 && cell.size <= FLIGHT_CELL_BYTES)
            collecting->visit(cell.bytes, cell.size, collecting->shift_ns, collecting->context);
    }
}

static void visit_file(int fd, struct collecting *collecting)
{
    struct head head;
    if (pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
        memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 || head.version != VERSION ||
        head.parts > FLIGHT_PARTS_MAX)
        return;
    const uint64_t here = clock_ns() - wall_now_ns(), there = head.monotonic_ns - head.wall_ns;
    collecting->shift_ns = (int64_t)(here - there);
    for (unsigned part = 0; part < head.parts; part++)
        visit_cells(fd, part, head.cells[part] < CELLS_MAX ? head.cells[part] : CELLS_MAX, collecting);
}

/* Its process may live yet. */
static void collect_file(int folder, const char *name, struct collecting *collecting)
{
    struct error err;
    cleanup_close int fd = -1;
    if (fs_open_plain(folder, name, O_NOFOLLOW, &fd, NULL, &err) < 0) {
        log_warning("in-flight.unreadable", LOG_STR("file", name), LOG_ERR(&err));
        return;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return;
    visit_file(fd, collecting);
    unlinkat(folder, name, 0);
}

int flight_files_collect(const char *folder, flight_visit_fn *visit, void *context, struct error *err)
{
    struct collecting collecting = {.visit = visit, .context = context};
    cleanup_dir DIR *dir = opendir(folder);
    const struct dirent *entry;
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read the folder %s", folder);
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.')
            collect_file(dirfd(dir), entry->d_name, &collecting);
    }
    return 0;
}
