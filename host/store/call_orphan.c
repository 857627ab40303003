#include "store/call_orphan.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int call_file_is_named(struct sql *sql, int64_t number, enum body_kind kind, struct error *err)
{
    int64_t place = BODY_NONE;
    int rc = kind == BODY_REQUEST ? sql_number(sql, "SELECT body_place FROM calls WHERE number = ?",
                                               SQL_VALUES(SQL_INT(number)), &place, err)
                                  : sql_number(sql, "SELECT result_place FROM calls WHERE number = ?",
                                               SQL_VALUES(SQL_INT(number)), &place, err);
    return rc < 0 ? -1 : place == BODY_FILE;
}

static int move_aside(const char *path, const char *name, const char *aside, struct error *err)
{
    char to[PATH_MAX];
    if (fs_make_dirs(aside, 0700, err) < 0)
        return -1;
    snprintf(to, sizeof(to), "%s/%s", aside, name);
    if (rename(path, to) < 0)
        return error_errno(err, COMPONENT_CALLS, errno, "cannot move %s to %s", path, to);
    return 0;
}

static int clear_file(struct sql *sql, const char *bodies, const char *name, const char *aside,
                      struct error *err)
{
    char path[PATH_MAX];
    int64_t number;
    enum body_kind kind;
    bool is_body = call_bodies_read_name(name, &number, &kind);
    int named = is_body ? call_file_is_named(sql, number, kind, err) : 0;
    if (named != 0)
        return named < 0 ? -1 : 0;
    snprintf(path, sizeof(path), "%s/%s", bodies, name);
    if (is_body && aside)
        return move_aside(path, name, aside, err);
    unlink(path);
    return 0;
}

int call_orphans_clear(struct sql *sql, const char *bodies, const char *aside, struct error *err)
{
    cleanup_dir DIR *dir = opendir(bodies);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && clear_file(sql, bodies, entry->d_name, aside, err) < 0)
            return -1;
    return 0;
}

int64_t call_orphans_last(const char *bodies)
{
    cleanup_dir DIR *dir = opendir(bodies);
    int64_t last = 0, number;
    enum body_kind kind;
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (call_bodies_read_name(entry->d_name, &number, &kind) && number > last)
            last = number;
    return last;
}
