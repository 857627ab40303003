#include "store/call_salvage.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "store/call_body.h"
#include "store/call_orphan.h"
#include "store/call_rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DATABASE     "calls.db"
#define DATABASE_LOG "calls.db-wal"
#define PART         "calls.db.part" /* a new one that is being made */
#define WHOLE        "calls.db.new" /* one that is whole, and has not taken its place yet */
#define MARK         "damaged"

static void make_path(char ret_path[PATH_MAX], const char *dir, const char *name)
{
    snprintf(ret_path, PATH_MAX, "%s/%s", dir, name);
}

static bool has_file(const char *dir, const char *name)
{
    char path[PATH_MAX];
    make_path(path, dir, name);
    return fs_exists(path);
}

static void remove_file(const char *dir, const char *name)
{
    char path[PATH_MAX];
    make_path(path, dir, name);
    unlink(path);
}

static int rename_file(const char *dir, const char *from, const char *to, struct error *err)
{
    char from_path[PATH_MAX], to_path[PATH_MAX];
    make_path(from_path, dir, from);
    make_path(to_path, dir, to);
    if (rename(from_path, to_path) < 0)
        return error_errno(err, COMPONENT_CALLS, errno, "cannot rename %s to %s", from_path, to_path);
    return call_file_sync(dir, err);
}

/* --- when --- */

void call_salvage_mark(const char *dir)
{
    char path[PATH_MAX];
    make_path(path, dir, MARK);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)fd;
}

static bool has_database(const char *dir)
{
    char path[PATH_MAX];
    struct stat status;
    make_path(path, dir, DATABASE);
    return stat(path, &status) == 0 && status.st_size > 0;
}

bool call_salvage_is_due(const char *dir)
{
    char bodies[PATH_MAX];
    make_path(bodies, dir, "bodies");
    return has_file(dir, MARK) ||
           (!has_database(dir) && (has_file(dir, DATABASE_LOG) || call_orphans_last(bodies) > 0));
}

/* --- how --- */

/* A folder that is not there yet, named after the time. The caller frees *ret_path. */
static int make_aside(const char *dir, uint64_t now_ms, char **ret_path, struct error *err)
{
    char date[32];
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm time;
    gmtime_r(&seconds, &time);
    strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &time);
    char *path = xasprintf("%s/damaged-%s", dir, date);
    for (int i = 2; mkdir(path, 0700) < 0; i++) {
        if (errno != EEXIST) {
            error_errno(err, COMPONENT_CALLS, errno, "cannot make %s", path);
            free(path);
            return -1;
        }
        free(path);
        path = xasprintf("%s/damaged-%s-%d", dir, date, i);
    }
    *ret_path = path;
    return 0;
}

/* Gives the file a second name there, so that at no time it has none. */
static int link_aside(const char *dir, const char *name, const char *aside, struct error *err)
{
    char from[PATH_MAX], to[PATH_MAX];
    make_path(from, dir, name);
    make_path(to, aside, name);
    if (link(from, to) < 0 && errno != ENOENT)
        return error_errno(err, COMPONENT_CALLS, errno, "cannot set %s aside", from);
    return 0;
}

/* What a salvage that failed has made; bodies that it has set aside stay there. */
static void take_back(const char *dir, const char *aside)
{
    remove_file(dir, PART);
    remove_file(dir, PART "-wal");
    remove_file(aside, DATABASE);
    remove_file(aside, DATABASE_LOG);
    rmdir(aside);
}

static int make_whole(const char *dir, const char *aside, struct call_rescued *ret_rescued, struct error *err)
{
    char damaged[PATH_MAX], part[PATH_MAX], bodies[PATH_MAX], lost[PATH_MAX];
    make_path(damaged, aside, DATABASE);
    make_path(part, dir, PART);
    make_path(bodies, dir, "bodies");
    make_path(lost, aside, "bodies");
    remove_file(dir, PART);
    remove_file(dir, PART "-wal");
    if (link_aside(dir, DATABASE, aside, err) < 0 || link_aside(dir, DATABASE_LOG, aside, err) < 0 ||
        call_rescue(damaged, part, bodies, lost, ret_rescued, err) < 0)
        return -1;
    return rename_file(dir, PART, WHOLE, err);
}

int call_salvage_finish(const char *dir, struct error *err)
{
    if (!has_file(dir, WHOLE))
        return 0;
    remove_file(dir, DATABASE_LOG);
    if (rename_file(dir, WHOLE, DATABASE, err) < 0)
        return -1;
    remove_file(dir, MARK);
    return 0;
}

int call_salvage_run(const char *dir, uint64_t now_ms, struct error *err)
{
    struct call_rescued rescued;
    cleanup_free char *aside = NULL;
    if (make_aside(dir, now_ms, &aside, err) < 0)
        return -1;
    if (make_whole(dir, aside, &rescued, err) < 0) {
        take_back(dir, aside);
        return error_prefix(err, "the store of calls is damaged, and what can be read cannot be saved");
    }
    if (call_salvage_finish(dir, err) < 0)
        return -1;
    log_error("calls.salvaged", LOG_STR("aside", aside), LOG_INT("calls", rescued.calls),
              LOG_INT("dead", rescued.dead),
              LOG_STR("hint", "the store of calls was damaged: what could be read of it was saved, the rest "
                              "is in the folder that was set aside"));
    return 0;
}
