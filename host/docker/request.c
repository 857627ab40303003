#include "docker/call.h"

#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

static void append_encoded(struct strbuf *path, const char *text, const char *keep)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (; *text; text++) {
        if (strchr(plain, *text) || strchr(keep, *text))
            strbuf_append(path, text, 1);
        else
            strbuf_append_format(path, "%%%02X", (unsigned char)*text);
    }
}

void docker_call_request(struct docker_call *call, const char *method, const char *before, const char *name,
                         const char *keep, const char *after)
{
    call->method = method;
    strbuf_reset(&call->path);
    strbuf_append_text(&call->path, before);
    if (name)
        append_encoded(&call->path, name, keep ? keep : "");
    if (after)
        strbuf_append_text(&call->path, after);
}

void docker_call_query(struct docker_call *call, const char *name, const char *value)
{
    strbuf_append_text(&call->path, strchr(strbuf_text(&call->path), '?') ? "&" : "?");
    strbuf_append_text(&call->path, name);
    strbuf_append_text(&call->path, "=");
    append_encoded(&call->path, value, ":/,");
}

void docker_call_query_time(struct docker_call *call, const char *name, int64_t time_ns)
{
    char text[48];
    snprintf(text, sizeof(text), "%lld.%09lld", (long long)(time_ns / 1000000000),
             (long long)(time_ns % 1000000000));
    docker_call_query(call, name, text);
}

/* Compact text of a value whose reference is taken over; NULL after refusing the call. */
static char *dump(struct docker_call *call, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (!text) {
        struct error err;
        error_set(&err, ERROR_DOCKER_REQUEST, "cannot %s %s: a name or value is not valid UTF-8",
                  call->kind->verb, call->subject);
        docker_call_refuse(call, &err);
    }
    return text;
}

void docker_call_query_json(struct docker_call *call, const char *name, json_t *value)
{
    char *text = dump(call, value);
    if (text)
        docker_call_query(call, name, text);
    free(text);
}

void docker_call_set_body(struct docker_call *call, json_t *body)
{
    free(call->body);
    call->body = dump(call, body);
}

void docker_call_query_labels(struct docker_call *call, const char *const *labels, const char *type)
{
    json_t *filters = json_object();
    int failed = 0;
    if (type)
        failed |= json_object_set_new(filters, "type", json_pack("[s]", type));
    if (labels && labels[0]) {
        json_t *list = json_array();
        for (; *labels; labels++)
            failed |= json_array_append_new(list, json_string(*labels));
        failed |= json_object_set_new(filters, "label", list);
    }
    if (failed) {
        json_decref(filters);
        filters = NULL;
    }
    docker_call_query_json(call, "filters", filters);
}
