#include "store/call_check.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "store/call_store_inside.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct lines {
    char **texts;
    size_t count;
};

/* Takes the line over. */
static void add_line(struct lines *lines, char *line)
{
    lines->texts = xgrow(lines->texts, lines->count, sizeof(*lines->texts));
    lines->texts[lines->count++] = line;
}

static int check_pages(struct call_store *store, struct lines *lines, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql, "PRAGMA integrity_check(100)", SQL_VALUES(), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        char *line = sql_copy(row, 0, NULL);
        if (strcmp(line, "ok") == 0)
            free(line);
        else
            add_line(lines, line);
    }
    return rc;
}

/* That what is kept in files is there. */
static int check_files(struct call_store *store, struct lines *lines, struct error *err)
{
    sqlite3_stmt *row;
    int rc = sql_first(store->sql,
                       "SELECT number, body_place, result_place FROM calls WHERE body_place = 2"
                       " OR result_place = 2",
                       SQL_VALUES(), &row, err);
    for (; rc > 0; rc = sql_next(store->sql, row, err)) {
        char path[PATH_MAX];
        for (int kind = BODY_REQUEST; kind <= BODY_RESULT; kind++) {
            if (sqlite3_column_int(row, 1 + kind) != BODY_FILE)
                continue;
            call_bodies_path(&store->bodies, sqlite3_column_int64(row, 0), (enum body_kind)kind, path);
            if (!fs_exists(path))
                add_line(lines, xasprintf("%s is missing", path));
        }
    }
    return rc;
}

/* That nothing was miscounted. */
static int check_counts(struct call_store *store, struct lines *lines, struct error *err)
{
    for (int state = 0; state < CALL_STATE_COUNT; state++) {
        int64_t count = 0;
        if (sql_number(store->sql, "SELECT count(*) FROM calls WHERE state = ?", SQL_VALUES(SQL_INT(state)),
                       &count, err) < 0)
            return -1;
        if (count != store->counts.by_state[state])
            add_line(lines, xasprintf("%" PRId64 " calls are counted in state %d, and there are %" PRId64,
                                      store->counts.by_state[state], state, count));
    }
    return 0;
}

int call_store_check(struct call_store *store, char ***ret_lines, struct error *err)
{
    struct lines lines = {0};
    int rc = check_pages(store, &lines, err);
    /* Of a damaged one nothing more can be said. */
    if (rc == 0 && lines.count == 0 &&
        (check_files(store, &lines, err) < 0 || check_counts(store, &lines, err) < 0))
        rc = -1;
    add_line(&lines, NULL);
    if (rc < 0) {
        texts_free(lines.texts);
        return -1;
    }
    *ret_lines = lines.texts;
    return 0;
}
