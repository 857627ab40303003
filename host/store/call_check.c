#include "store/call_check.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/call_orphan.h"
#include "store/call_salvage.h"

#include <stdlib.h>
#include <string.h>

struct check {
    struct sql *sql;
    struct call_bodies bodies;
    char **lines;
    size_t count;
};

/* Takes the line over. */
static void add_line(struct check *check, char *line)
{
    check->lines = xgrow(check->lines, check->count, sizeof(*check->lines));
    check->lines[check->count++] = line;
}

/* A row of SQLite's check may have several lines, under a title: "*** in database main ***". */
static void add_lines(struct check *check, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool is_title = length > 2 && strncmp(text, "***", 3) == 0;
        if (length > 0 && !is_title)
            add_line(check, xstrndup(text, length));
        text += length + (text[length] == '\n');
    }
}

/* What a statement finds but "ok". */
static int add_rows(struct check *check, const char *text, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(check->sql, text, SQL_VALUES(), &row, err);
    for (; rc > 0; rc = sql_next(check->sql, row, err)) {
        cleanup_free char *found = sql_copy(row, 0, NULL);
        if (strcmp(found, "ok") != 0)
            add_lines(check, found);
    }
    return rc;
}

/* The call may be forgotten, or go on without it, between two looks: so the last one is at the call. */
static int check_file(struct check *check, int64_t number, enum body_kind kind, struct error *err)
{
    char path[PATH_MAX];
    call_bodies_path(&check->bodies, number, kind, path);
    int named = call_file_is_named(check->sql, number, kind, err);
    if (named <= 0 || fs_exists(path))
        return named < 0 ? -1 : 0;
    named = call_file_is_named(check->sql, number, kind, err);
    if (named > 0)
        add_line(check, xasprintf("%s is missing", path));
    return named < 0 ? -1 : 0;
}

static int check_files(struct check *check, struct error *err)
{
    for (int64_t number = 0, next;; number = next) {
        next = 0;
        if (sql_number(check->sql,
                       "SELECT number FROM calls WHERE (body_place = 2 OR result_place = 2) AND number > ?"
                       " ORDER BY number LIMIT 1",
                       SQL_VALUES(SQL_INT(number)), &next, err) < 0)
            return -1;
        if (next == 0)
            return 0;
        if (check_file(check, next, BODY_REQUEST, err) < 0 || check_file(check, next, BODY_RESULT, err) < 0)
            return -1;
    }
}

/* What is counted has to be what there is. */
static int check_counts(struct check *check, struct error *err)
{
    return add_rows(check,
                    "SELECT 'the calls of ' || function || ' are miscounted' FROM"
                    " (SELECT function, sum(state = 0) AS a, sum(state = 1) AS b, sum(state = 2) AS c,"
                    " sum(state = 3) AS d, sum(state = 4) AS e FROM calls GROUP BY function)"
                    " LEFT JOIN call_counts USING (function)"
                    " WHERE a IS NOT waiting OR b IS NOT running OR c IS NOT done OR d IS NOT dead"
                    " OR e IS NOT cancelled",
                    err);
}

/* Of a damaged database nothing more can be said than that it is. */
static int check_pages(struct check *check, const char *dir, struct error *err)
{
    int rc = add_rows(check, "PRAGMA integrity_check(100)", err);
    if (rc < 0 && err->code == ERROR_CALLS_DAMAGED) {
        add_line(check, xstrdup(err->message));
        rc = 0;
    }
    if (check->count > 0)
        call_salvage_mark(dir);
    return rc;
}

static int check_all(struct check *check, const char *dir, struct error *err)
{
    if (check_pages(check, dir, err) < 0)
        return -1;
    if (check->count > 0)
        return 0;
    return check_counts(check, err) < 0 ? -1 : check_files(check, err);
}

int call_store_check(const char *dir, char ***ret_lines, struct error *err)
{
    struct check check = {.bodies = {.dir = xasprintf("%s/bodies", dir)}};
    cleanup_free char *path = xasprintf("%s/calls.db", dir);
    int rc = sql_open_beside(path, &check.sql, err) < 0 ? -1 : check_all(&check, dir, err);
    sql_close(check.sql);
    call_bodies_clear(&check.bodies);
    add_line(&check, NULL);
    if (rc < 0)
        texts_free(check.lines);
    else
        *ret_lines = check.lines;
    return rc;
}
