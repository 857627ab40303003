#include "store/log_folder.h"

#include "base/alloc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".log"
#define NUMBER_MAX                                                                                           \
    4000000000u /* seconds since 1970 in 2096: behind the last segment there is room for more */

void log_segment_path(char ret_path[PATH_MAX], const char *dir, const char *function, unsigned number)
{
    snprintf(ret_path, PATH_MAX, "%s/%s/%08u%s", dir, function, number, SUFFIX);
}

/* 0: it is no name of a segment of ours, and nobody's to read or to remove. */
static unsigned number_of(const char *name)
{
    char ours[32];
    unsigned long number = strtoul(name, NULL, 10);
    snprintf(ours, sizeof(ours), "%08lu%s", number, SUFFIX);
    return number <= NUMBER_MAX && strcmp(name, ours) == 0 ? (unsigned)number : 0;
}

static DIR *open_folder(const char *dir, const char *function)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", dir, function);
    return opendir(path);
}

unsigned log_segment_after(const char *dir, const char *function, unsigned number)
{
    DIR *folder = open_folder(dir, function);
    unsigned found = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        unsigned other = number_of(entry->d_name);
        if (other > number && (found == 0 || other < found))
            found = other;
    }
    if (folder)
        closedir(folder);
    return found;
}

unsigned log_segment_newest(const char *dir, const char *function)
{
    DIR *folder = open_folder(dir, function);
    unsigned found = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        unsigned other = number_of(entry->d_name);
        found = other > found ? other : found;
    }
    if (folder)
        closedir(folder);
    return found;
}

void log_functions_visit(const char *dir, void (*visit)(const char *function, void *context), void *context)
{
    DIR *folder = opendir(dir);
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.')
            visit(entry->d_name, context);
    }
    if (folder)
        closedir(folder);
}

/* --- pruning --- */

struct segment {
    char *function;
    unsigned number;
    uint64_t bytes;
    int64_t written_ns;
};

struct segments {
    const char *dir;
    struct segment *list;
    size_t count;
    uint64_t bytes;
};

static void add_segment(struct segments *segments, const char *function, unsigned number)
{
    char path[PATH_MAX];
    struct stat status;
    log_segment_path(path, segments->dir, function, number);
    if (lstat(path, &status) < 0)
        return;
    segments->list = xgrow(segments->list, segments->count, sizeof(*segments->list));
    segments->list[segments->count++] = (struct segment){
        .function = xstrdup(function),
        .number = number,
        .bytes = (uint64_t)status.st_size,
        .written_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec,
    };
    segments->bytes += (uint64_t)status.st_size;
}

static void add_function(const char *function, void *context)
{
    struct segments *segments = context;
    for (unsigned number = 0; (number = log_segment_after(segments->dir, function, number)) > 0;)
        add_segment(segments, function, number);
}

static int compare_age(const void *left, const void *right)
{
    const struct segment *first = left, *second = right;
    return (first->written_ns > second->written_ns) - (first->written_ns < second->written_ns);
}

uint64_t log_segments_prune(const char *dir, uint64_t max_bytes)
{
    struct segments segments = {.dir = dir};
    log_functions_visit(dir, add_function, &segments);
    if (segments.count > 0)
        qsort(segments.list, segments.count, sizeof(*segments.list), compare_age);
    for (size_t i = 0; i < segments.count && segments.bytes > max_bytes; i++) {
        char path[PATH_MAX];
        log_segment_path(path, dir, segments.list[i].function, segments.list[i].number);
        if (unlink(path) == 0)
            segments.bytes -= segments.list[i].bytes;
        *strrchr(path, '/') = '\0';
        rmdir(path); /* only when that was its last one */
    }
    for (size_t i = 0; i < segments.count; i++)
        free(segments.list[i].function);
    free(segments.list);
    return segments.bytes;
}
