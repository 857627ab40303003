#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/function_name.h"
#include "admin/log_query.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/rfc3339.h"
#include "fleet/fleet.h"
#include "store/log_store.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES   (64u << 10)
#define PIECE_MAX     (8u << 20) /* with the line that passes it, each of its bytes escaped */
#define USUAL_PAST_MS (5 * 60 * 1000)
#define MILLI         UINT64_C(1000000) /* nanoseconds */

struct log_call {
    struct log_query query;
    bool follows;
    const bool *is_over;
    struct strbuf piece;
};

static void free_log_call(void *context)
{
    struct log_call *log = context;
    log_query_clear(&log->query);
    strbuf_clear(&log->piece);
    free(log);
}

static void read_piece(void *context)
{
    struct log_call *log = context;
    log_query_read(&log->query, PIECE_BYTES, &log->piece);
}

static bool take_piece(void *context, struct evbuffer *ret_piece)
{
    struct log_call *log = context;
    bool is_empty = log->piece.length == 0;
    evbuffer_add(ret_piece, strbuf_text(&log->piece), log->piece.length);
    strbuf_clear(&log->piece);
    return !is_empty || (log->follows && !*log->is_over);
}

static const struct admin_job log_job = {.work = read_piece, .next_piece = take_piece, .free = free_log_call};

/* --- what is asked for --- */

/* As clients of the contract may spell it. */
static const struct {
    const char *text;
    bool is_true;
} spellings[] = {
    {"", false},      {"1", true},      {"t", true},      {"T", true},  {"true", true},
    {"True", true},   {"TRUE", true},   {"0", false},     {"f", false}, {"F", false},
    {"false", false}, {"False", false}, {"FALSE", false},
};

static int read_switch(const struct admin_call *call, const char *parameter, bool *ret_is_on,
                       struct error *err)
{
    const char *text = admin_call_query(call, parameter);
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        if (strcmp(text ? text : "", spellings[i].text) != 0)
            continue;
        *ret_is_on = spellings[i].is_true;
        return 0;
    }
    return error_set(err, ERROR_PARAMETER_INVALID, "the parameter \"%s\" has to be true or false", parameter);
}

static char *copy_or_null(const char *text)
{
    return text && *text ? xstrdup(text) : NULL;
}

static int read_since(const struct admin_call *call, uint64_t *ret_since_ns, struct error *err)
{
    const char *since = admin_call_query(call, "since");
    uint64_t since_ms = wall_clock_ms() - USUAL_PAST_MS;
    if (since && *since && rfc3339_read(since, &since_ms) < 0)
        return error_set(err, ERROR_PARAMETER_INVALID,
                         "the parameter \"since\" has to be a time, such as 2024-05-01T09:30:00Z");
    *ret_since_ns = since_ms * MILLI;
    return 0;
}

/* Clients that want all say -1. */
static int read_tail(const struct admin_call *call, uint64_t *ret_tail, struct error *err)
{
    const char *text = admin_call_query(call, "tail");
    char *end;
    errno = 0;
    long long tail = text ? strtoll(text, &end, 10) : 0;
    if (text && *text && (*end != '\0' || errno != 0))
        return error_set(err, ERROR_PARAMETER_INVALID, "the parameter \"tail\" has to be a number of lines");
    *ret_tail = tail > 0 ? (uint64_t)tail : 0;
    return 0;
}

/* Of a function that is no more there may be lines still. */
static int read_function(const struct admin_call *call, const char *dir, char **ret_function,
                         struct error *err)
{
    const char *given = admin_call_query(call, "name");
    if (!given || !*given)
        return 0;
    cleanup_free char *name = function_name_read(given, admin_call_query(call, "namespace"));
    cleanup_free char *folder = xasprintf("%s/%s", dir, name ? name : "");
    bool is_name = name && *name && name[0] != '.' && !strchr(name, '/');
    if (!is_name || (!fleet_function_find(call->parts->fleet, name) && !fs_is_dir(folder)))
        return error_set_in(err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %.128s not found", given);
    *ret_function = steal(&name);
    return 0;
}

static int read_query(const struct admin_call *call, struct log_query *query, struct error *err)
{
    if (!call->parts->logs)
        return error_set(err, ERROR_LOGS_NOT_KEPT, "what functions write is not kept: `log_disk` is 0");
    query->dir = xstrdup(log_store_dir(call->parts->logs));
    query->instance = copy_or_null(admin_call_query(call, "instance"));
    query->request_id = copy_or_null(admin_call_query(call, "request_id"));
    if (read_function(call, query->dir, &query->function, err) < 0 ||
        read_since(call, &query->since_ns, err) < 0)
        return -1;
    return read_tail(call, &query->tail, err);
}

void get_logs(struct admin_call *call)
{
    struct log_call *log = xcalloc(1, sizeof(*log));
    struct error err;
    bool with_events;
    strbuf_init(&log->piece, PIECE_MAX);
    log->is_over = call->is_over;
    if (read_query(call, &log->query, &err) < 0 || read_switch(call, "follow", &log->follows, &err) < 0 ||
        read_switch(call, "events", &with_events, &err) < 0) {
        admin_call_refuse(call, &err);
        free_log_call(log);
        return;
    }
    log->query.without_events = !with_events;
    admin_call_stream(call, "application/x-ndjson", &log_job, log);
}
