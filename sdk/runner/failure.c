/* Answers that say why the function gave none. */
#include "connection.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text as JSON, with each byte that is not UTF-8 replaced. */
static json_t *json_text(const char *text)
{
    json_t *value = json_string(text);
    if (value)
        return value;
    size_t length = strlen(text), used = 0;
    char *clean = malloc(length * 3 + 1);
    if (!clean)
        return NULL;
    for (size_t at = 0; at < length;) {
        unsigned char lead = (unsigned char)text[at];
        size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        json_t *probe = size <= length - at ? json_stringn(text + at, size) : NULL;
        if (probe) {
            memcpy(clean + used, text + at, size);
            used += size;
            at += size;
        } else {
            memcpy(clean + used, "\xef\xbf\xbd", 3);
            used += 3;
            at++;
        }
        json_decref(probe);
    }
    value = json_stringn(clean, used);
    free(clean);
    return value;
}

static const char *or_else(const char *text, const char *fallback)
{
    return text ? text : fallback;
}

static const char *request_id(const struct berth_request *request)
{
    return or_else(berth_request_header(request, "X-Request-Id"), "");
}

/* For the function's log, in one write, with the mark that docs/runner-protocol.md describes. */
static void log_failure(const struct berth_request *request, int status, const struct berth_failure *failure)
{
    const char *id = request_id(request), *mark = *id ? "\x1e" : "";
    fprintf(stderr, "%s%s%s%d %s: %s\n", mark, id, mark, status, or_else(failure->reason, "failed"),
            or_else(failure->message, ""));
}

static char *to_json(const struct berth_request *request, const struct berth_failure *failure)
{
    json_t *error = json_object();
    json_object_set_new(error, "component", json_text(or_else(failure->component, "function")));
    json_object_set_new(error, "reason", json_text(or_else(failure->reason, "failed")));
    json_object_set_new(error, "message", json_text(or_else(failure->message, "")));
    json_object_set_new(error, "hint", json_text(or_else(failure->hint, "")));
    json_object_set_new(error, "request_id", json_text(request_id(request)));
    if (failure->traceback)
        json_object_set_new(error, "traceback", json_text(failure->traceback));
    json_t *document = json_pack("{s:o}", "error", error);
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    json_decref(document);
    return text;
}

int berth_response_failure(struct berth_request *request, int status, const struct berth_failure *failure)
{
    char *text = to_json(request, failure);
    if (!text) {
        errno = ENOMEM;
        return -1;
    }
    log_failure(request, status, failure);
    int rc = berth_response_send(request, status, "application/json", text, strlen(text));
    free(text);
    return rc;
}

int berth_response_error(struct berth_request *request, int status, const char *message,
                         const char *traceback)
{
    const struct berth_failure failure = {
        .struct_size = sizeof(failure), .message = message, .traceback = traceback};
    return berth_response_failure(request, status, &failure);
}
