/* What the tests of the build folder share: a scratch directory, and an event loop that runs until a callback
 * is through. */
#ifndef TESTS_BUILD_BENCH_H
#define TESTS_BUILD_BENCH_H

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define BENCH_GUARD_MS 110000 /* a test that waits longer has failed */

struct bench {
    struct event_base *base;
    char dir[64];
};

static inline void bench_open(struct bench *bench)
{
    strncpy(bench->dir, "/tmp/berth-test-XXXXXX", sizeof(bench->dir));
    assert_non_null(mkdtemp(bench->dir));
    bench->base = event_base_new();
    assert_non_null(bench->base);
}

static inline void bench_close(struct bench *bench)
{
    event_base_free(bench->base);
    assert_int_equal(fs_remove_tree(bench->dir, NULL), 0);
}

/* Runs the loop until *reached is at least `goal`. */
static inline void bench_wait(struct bench *bench, const unsigned *reached, unsigned goal)
{
    const struct timeval limit = {.tv_sec = BENCH_GUARD_MS / 1000};
    event_base_loopexit(bench->base, &limit);
    while (*reached < goal) {
        event_base_loop(bench->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
        if (event_base_got_exit(bench->base))
            break;
    }
    assert_true(*reached >= goal);
}

/* Runs the loop for a moment, for what must not happen. */
static inline void bench_idle(struct bench *bench, unsigned ms)
{
    const struct timeval limit = {.tv_usec = (suseconds_t)ms * 1000};
    event_base_loopexit(bench->base, &limit);
    event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

/* `<scratch>/<name>`; the caller frees it. */
static inline char *bench_path(const struct bench *bench, const char *name)
{
    return xasprintf("%s/%s", bench->dir, name);
}

/* Writes `<scratch>/<name>` with its folders. */
static inline void bench_file(const struct bench *bench, const char *name, const char *text, mode_t mode)
{
    cleanup_free char *path = bench_path(bench, name);
    cleanup_free char *folder = xstrdup(path);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(fs_make_dirs(folder, 0755, NULL), 0);
    assert_int_equal(fs_write_file(path, text, strlen(text), mode, NULL), 0);
}

/* Entries of a directory, "." and ".." not counted; 0 when it is not there. */
static inline size_t bench_count(const char *path)
{
    size_t count = 0;
    cleanup_dir DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    return count;
}

#endif
