#include "admin/admin_call.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "http/status.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define WRITE_LIMIT_S 60 /* that a client may take nothing of a piece */
#define NO_LIMIT_S    (30 * 86400)

const char *admin_call_query(const struct admin_call *call, const char *parameter)
{
    const char *value = NULL;
    const struct evkeyval *item;
    TAILQ_FOREACH(item, call->query, next)
    {
        if (strcmp(item->key, parameter) == 0)
            value = item->value;
    }
    return value;
}

int admin_read_number(const char *parameter, const char *text, uint64_t max, uint64_t *ret_number,
                      struct error *err)
{
    char *end;
    if (!text || !*text)
        return 0;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (*end != '\0' || text[0] == '-' || errno != 0 || number > max)
        return error_set(err, ERROR_PARAMETER_INVALID,
                         "the parameter \"%s\" has to be a number up to %" PRIu64, parameter, max);
    *ret_number = number;
    return 0;
}

int admin_call_body(const struct admin_call *call, json_t **ret_json, struct error *err)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
    size_t size = evbuffer_get_length(body);
    json_error_t wrong = {.text = ""};
    *ret_json = json_loadb((const char *)evbuffer_pullup(body, -1), size, 0, &wrong);
    if (json_is_object(*ret_json))
        return 0;
    json_decref(*ret_json);
    const char *why = size == 0 ? "it is empty" : *wrong.text ? wrong.text : "it is another value";
    return error_set(err, ERROR_BAD_CALL, "the body is no JSON object: %s", why);
}

char *admin_call_take_body(const struct admin_call *call, size_t *ret_size)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(call->request);
    *ret_size = evbuffer_get_length(body);
    char *bytes = xmalloc(*ret_size);
    evbuffer_remove(body, bytes, *ret_size);
    return bytes;
}

void admin_call_send(struct admin_call *call, int status, const char *type, const void *bytes, size_t size)
{
    struct http_text reason = http_status_reason(status);
    cleanup_free char *phrase = xstrndup(reason.data, reason.length);
    struct evbuffer *body = evbuffer_new();
    if (evhttp_request_get_command(call->request) != EVHTTP_REQ_HEAD) /* libevent would send it */
        evbuffer_add(body, bytes, size);
    evhttp_add_header(evhttp_request_get_output_headers(call->request), "Content-Type", type);
    evhttp_send_reply(call->request, status, phrase, body);
    evbuffer_free(body);
}

void admin_call_text(struct admin_call *call, int status, const char *text)
{
    cleanup_free char *line = xasprintf("%s\n", text);
    admin_call_send(call, status, "text/plain; charset=utf-8", line, strlen(line));
}

void admin_call_json(struct admin_call *call, int status, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    admin_call_send(call, status, "application/json", text, strlen(text));
    free(text);
    json_decref(json);
}

/* A client that only waits is no reason to hang up on it. */
static void set_limits(struct evhttp_connection *connection)
{
    const struct timeval write_limit = {.tv_sec = WRITE_LIMIT_S};
    evhttp_connection_set_timeout(connection, NO_LIMIT_S);
    bufferevent_set_timeouts(evhttp_connection_get_bufferevent(connection), NULL, &write_limit);
}

void admin_call_begin(struct admin_call *call, const char *type)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(call->request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_send_reply_start(call->request, HTTP_OK, NULL);
    set_limits(evhttp_request_get_connection(call->request));
}

void admin_call_refuse(struct admin_call *call, const struct error *err)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(call->request));
    int status = error_code_status(err->code);
    if (path && strncmp(path, "/berth/", strlen("/berth/")) == 0)
        admin_call_json(call, status, json_pack("{s:o}", "error", json_error(err)));
    else
        admin_call_text(call, status, err->message);
}

void admin_call_abandon(struct evhttp_request *request, const bool *is_ending)
{
    if (!*is_ending)
        evhttp_send_reply_end(request);
}
