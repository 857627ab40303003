/*
 * What is under way in a process, for whoever comes after it: a mapped file of cells, one for each thing that
 * is under way, so that they are still there when the process has been killed. A cell is written to memory
 * and given back without a system call.
 *
 * Each process has a file of its own in a folder, and a lock on it for as long as it lives. Files that nobody
 * has locked belong to processes that are gone.
 */
#ifndef STORE_FLIGHT_FILE_H
#define STORE_FLIGHT_FILE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define FLIGHT_PARTS_MAX  64u
#define FLIGHT_CELL_BYTES 1000u /* of what a cell has room for */

struct flight_file;
struct flight_part;

/* Nobody's concern but flight_file.c's, except for its bytes. */
struct flight_cell {
    _Atomic uint32_t is_taken;
    uint32_t size;
    struct flight_cell *next_free;
    char bytes[FLIGHT_CELL_BYTES];
    uint64_t reserved; /* up to a size that divides a page's */
};

/* Makes a file in `folder`, which is made when it is not there, with so many parts, each for one thread. */
int flight_file_create(const char *folder, unsigned parts, struct flight_file **ret_file, struct error *err);

/* Removes the file too. When no thread uses a part of it any more. NULL is fine. */
void flight_file_destroy(struct flight_file *file);

/* Lives as long as the file. */
struct flight_part *flight_file_part(struct flight_file *file, unsigned index);

/* --- one thread for each part --- */

/* A cell to write to, aligned for anything; NULL: there is no room for as many. */
struct flight_cell *flight_part_take(struct flight_part *part);

/* It has so many bytes, and would be found from here on. They may be changed, but not grow. */
void flight_cell_set(struct flight_cell *cell, size_t size);

void flight_part_give(struct flight_part *part, struct flight_cell *cell);

/* --- those of processes that are gone --- */

/* What was under way: its bytes are aligned for anything, and there during the visit. What was a time of the
 * monotonic clock is one of this process's when `shift_ns` is added to it. */
typedef void flight_visit_fn(const void *bytes, size_t size, int64_t shift_ns, void *context);

/* Visits what was under way in processes that are gone, and removes their files. A folder that is not there
 * has none. */
int flight_files_collect(const char *folder, flight_visit_fn *visit, void *context, struct error *err);

#endif
