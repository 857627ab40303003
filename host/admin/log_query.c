#include "admin/log_query.h"

#include "admin/function_name.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/rfc3339.h"

#include <stdlib.h>
#include <string.h>

#define MILLI UINT64_C(1000000) /* nanoseconds */

void log_query_clear(struct log_query *query)
{
    log_reader_close(query->reader);
    free(query->dir);
    free(query->function);
    free(query->instance);
    free(query->request_id);
}

/* --- which --- */

static bool is_of_request(const struct log_query *query, const struct log_line *line)
{
    if (!query->request_id || log_line_has(line, LOG_NAME_REQUEST, query->request_id))
        return true;
    return query->with_neighbours && line->names[LOG_NAME_REQUEST].size == 0;
}

static bool is_wanted(const struct log_query *query, const struct log_line *line)
{
    return line->time_ns >= query->since_ns && (query->until_ns == 0 || line->time_ns < query->until_ns) &&
           !(query->without_events && line->stream == LOG_EVENT) &&
           (!query->instance || log_line_has(line, LOG_NAME_INSTANCE, query->instance)) &&
           is_of_request(query, line);
}

static bool next_wanted(struct log_query *query, struct log_line *ret_line, const char **ret_function)
{
    while (log_reader_next(query->reader, ret_line, ret_function)) {
        if (is_wanted(query, ret_line))
            return true;
    }
    return false;
}

static void open_reader(struct log_query *query)
{
    query->reader = log_reader_open(query->dir, query->function, query->since_ns);
}

/* Passes over those before the last ones, which have to be counted for that. */
static void pass_over(struct log_query *query)
{
    uint64_t count = 0;
    struct log_line line;
    const char *function;
    open_reader(query);
    while (next_wanted(query, &line, &function))
        count++;
    log_reader_close(query->reader);
    open_reader(query);
    for (; count > query->tail && next_wanted(query, &line, &function); count--)
        continue;
}

static void begin_or_look_again(struct log_query *query)
{
    if (query->reader)
        log_reader_look_again(query->reader);
    else if (query->tail > 0)
        pass_over(query);
    else
        open_reader(query);
}

/* --- as JSON --- */

static json_t *text_json(const struct log_text *text)
{
    cleanup_free char *copy = xmalloc(text->size + 1);
    for (size_t i = 0; i < text->size; i++)
        copy[i] = text->bytes[i] ? text->bytes[i] : '?';
    copy[text->size] = '\0';
    return json_text(copy);
}

static json_t *name_json(const struct log_line *line, enum log_name name)
{
    return line->names[name].size > 0 ? text_json(&line->names[name]) : json_null();
}

static json_t *time_json(const struct log_line *line)
{
    char text[RFC3339_SIZE];
    return json_string(rfc3339_write(line->time_ns / MILLI, text));
}

/* Clients of the contract take "instance" for a text. */
static json_t *line_json(const struct log_line *line, const char *function)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o}", "name", function, "namespace",
                     FUNCTION_NAMESPACE, "instance", text_json(&line->names[LOG_NAME_INSTANCE]), "timestamp",
                     time_json(line), "text", text_json(&line->text), "stream", log_stream_name(line->stream),
                     "revision", name_json(line, LOG_NAME_REVISION), "request_id",
                     name_json(line, LOG_NAME_REQUEST));
}

void log_query_read(struct log_query *query, size_t max_bytes, struct strbuf *out)
{
    struct log_line line;
    const char *function;
    begin_or_look_again(query);
    while (out->length < max_bytes && next_wanted(query, &line, &function)) {
        json_t *json = line_json(&line, function);
        char *text = json_dumps(json, JSON_COMPACT);
        strbuf_append_text(out, text);
        strbuf_append(out, "\n", 1);
        free(text);
        json_decref(json);
    }
}

json_t *log_query_list(struct log_query *query, size_t max_lines)
{
    struct log_line line;
    const char *function;
    json_t *list = json_array();
    begin_or_look_again(query);
    while (json_array_size(list) < max_lines && next_wanted(query, &line, &function))
        json_array_append_new(list,
                              json_pack("{s:o, s:s, s:o, s:o}", "time", time_json(&line), "stream",
                                        log_stream_name(line.stream), "instance",
                                        name_json(&line, LOG_NAME_INSTANCE), "text", text_json(&line.text)));
    return list;
}
