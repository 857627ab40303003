#include "prepare/install/builder_disk.h"

#include "base/alloc.h"
#include "base/background.h"
#include "base/clock.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>

#define FREE_DIVISOR   20 /* a twentieth of the disk is to stay free, */
#define FREE_BYTES_MAX (UINT64_C(1024) << 20) /* or this, if it is less */
#define REST_FACTOR    4 /* measuring takes at most a fifth of the background thread's time */

/* One measurement; `disk` is NULL once nobody waits for it. */
struct measurement {
    struct builder_disk *disk;
    char *folder;
    builder_disk_fn *done;
    void *owner;
    uint64_t took_ms, bytes;
    bool failed;
};

struct builder_disk {
    struct background *background;
    char *folder;
    uint64_t limit_bytes;
    struct measurement *current; /* or NULL */
    uint64_t due_ms;
};

struct builder_disk *builder_disk_create(struct background *background, const char *folder,
                                         uint64_t limit_bytes)
{
    struct builder_disk *disk = xcalloc(1, sizeof(*disk));
    *disk = (struct builder_disk){
        .background = background, .folder = xstrdup(folder), .limit_bytes = limit_bytes};
    return disk;
}

static void forget_current(struct builder_disk *disk)
{
    if (disk->current)
        disk->current->disk = NULL;
    disk->current = NULL;
}

void builder_disk_destroy(struct builder_disk *disk)
{
    if (!disk)
        return;
    forget_current(disk);
    free(disk->folder);
    free(disk);
}

int builder_disk_check_free(const struct builder_disk *disk, struct error *err)
{
    struct statvfs status;
    if (statvfs(disk->folder, &status) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot look at the disk of the state directory");
    uint64_t total = (uint64_t)status.f_blocks * status.f_frsize;
    uint64_t available = (uint64_t)status.f_bavail * status.f_frsize;
    uint64_t least = total / FREE_DIVISOR < FREE_BYTES_MAX ? total / FREE_DIVISOR : FREE_BYTES_MAX;
    if (available >= least && (status.f_files == 0 || status.f_favail >= status.f_files / FREE_DIVISOR))
        return 0;
    error_set_in(err, COMPONENT_BUILD, ERROR_NO_SPACE,
                 "no dependencies are installed while the disk of the state directory is nearly full "
                 "(%llu MiB free)",
                 (unsigned long long)(available >> 20));
    return error_hint(err, "make room on the disk that `state_dir` is on");
}

bool builder_disk_is_due(const struct builder_disk *disk)
{
    return !disk->current && clock_ms() >= disk->due_ms;
}

/* Background thread. */
static void measure_work(void *context)
{
    struct measurement *measurement = context;
    struct error err;
    uint64_t began_ms = clock_ms();
    measurement->failed = tree_usage(measurement->folder, &measurement->bytes, &err) < 0;
    measurement->took_ms = clock_ms() - began_ms;
}

static int judge(const struct builder_disk *disk, const struct measurement *measurement, struct error *err)
{
    if (measurement->failed)
        return error_set(
            err, ERROR_DEPENDENCY_DISK,
            "the installation makes folders that cannot be measured: nested too deeply, or closed");
    if (disk->limit_bytes == 0 || measurement->bytes <= disk->limit_bytes)
        return 0;
    error_set(err, ERROR_DEPENDENCY_DISK,
              "the installation takes more than the %llu MiB of disk that it may have",
              (unsigned long long)(disk->limit_bytes >> 20));
    return error_hint(err, "raise `build_disk` under `host:` if the packages are that large");
}

static void measure_done(void *context, bool ran)
{
    struct measurement *measurement = context;
    struct builder_disk *disk = measurement->disk;
    if (disk) {
        struct error err;
        disk->current = NULL;
        disk->due_ms = clock_ms() + REST_FACTOR * measurement->took_ms;
        if (!ran)
            error_set(&err, ERROR_CANCELLED, "the daemon is stopping");
        int rc = ran ? judge(disk, measurement, &err) : -1;
        measurement->done(measurement->owner, rc < 0 ? &err : NULL);
    }
    free(measurement->folder);
    free(measurement);
}

void builder_disk_measure(struct builder_disk *disk, builder_disk_fn *done, void *owner)
{
    forget_current(disk);
    struct measurement *measurement = xcalloc(1, sizeof(*measurement));
    *measurement =
        (struct measurement){.disk = disk, .folder = xstrdup(disk->folder), .done = done, .owner = owner};
    disk->current = measurement;
    background_run(disk->background, measure_work, measure_done, measurement);
}
