#include "store/log_reader.h"

#include "base/alloc.h"
#include "store/log_cursor.h"
#include "store/log_folder.h"

#include <stdlib.h>
#include <string.h>

struct log_reader {
    char *dir;
    char *function; /* NULL: all */
    uint64_t since_ns;
    struct log_cursor **cursors;
    size_t count;
    struct log_cursor *last; /* whose line was given out; NULL: none */
};

static void add_cursor(const char *function, void *context)
{
    struct log_reader *reader = context;
    for (size_t i = 0; i < reader->count; i++) {
        if (strcmp(log_cursor_function(reader->cursors[i]), function) == 0)
            return;
    }
    reader->cursors = xgrow(reader->cursors, reader->count, sizeof(struct log_cursor *));
    reader->cursors[reader->count++] = log_cursor_open(reader->dir, function, reader->since_ns);
}

void log_reader_look_again(struct log_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        log_cursor_look_again(reader->cursors[i]);
    if (reader->function)
        add_cursor(reader->function, reader);
    else
        log_functions_visit(reader->dir, add_cursor, reader);
}

struct log_reader *log_reader_open(const char *dir, const char *function, uint64_t since_ns)
{
    struct log_reader *reader = xcalloc(1, sizeof(*reader));
    reader->dir = xstrdup(dir);
    reader->function = function ? xstrdup(function) : NULL;
    reader->since_ns = since_ns;
    log_reader_look_again(reader);
    return reader;
}

void log_reader_close(struct log_reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < reader->count; i++)
        log_cursor_close(reader->cursors[i]);
    free(reader->cursors);
    free(reader->function);
    free(reader->dir);
    free(reader);
}

bool log_reader_next(struct log_reader *reader, struct log_line *ret_line, const char **ret_function)
{
    struct log_cursor *first = NULL;
    const struct log_line *line = NULL;
    if (reader->last)
        log_cursor_move(reader->last);
    for (size_t i = 0; i < reader->count; i++) {
        const struct log_line *other = log_cursor_line(reader->cursors[i]);
        if (other && (!line || other->time_ns < line->time_ns)) {
            first = reader->cursors[i];
            line = other;
        }
    }
    reader->last = first;
    if (!line)
        return false;
    *ret_line = *line;
    *ret_function = log_cursor_function(first);
    return true;
}
