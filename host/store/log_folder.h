/*
 * Where lines are kept: <dir>/<function>/<number>.log, segments of which the one with the highest number is
 * written to. Any thread; who reads and who writes need not know of each other.
 */
#ifndef STORE_LOG_FOLDER_H
#define STORE_LOG_FOLDER_H

#include <limits.h>
#include <stdint.h>

/* The path of a segment. */
void log_segment_path(char ret_path[PATH_MAX], const char *dir, const char *function, unsigned number);

/* The segment with the least number above one; 0: there is none. */
unsigned log_segment_after(const char *dir, const char *function, unsigned number);

/* The one with the highest number; 0: there is none. */
unsigned log_segment_newest(const char *dir, const char *function);

/* Visits the functions that have a folder. */
void log_functions_visit(const char *dir, void (*visit)(const char *function, void *context), void *context);

/* Removes the segments that were written to longest ago until the rest takes no more than `max_bytes`.
 * Returns what the rest takes. */
uint64_t log_segments_prune(const char *dir, uint64_t max_bytes);

#endif
