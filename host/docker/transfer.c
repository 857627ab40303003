#include "docker/call.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#include <string.h>

#define HEADERS_MAX 2

/* What has become unreachable may come back as another version. */
static void note_failure(struct docker *docker, const struct error *err)
{
    if (err->code == ERROR_DOCKER_UNREACHABLE && docker->version_state == VERSION_KNOWN)
        docker->version_state = VERSION_UNKNOWN;
}

/* After one of the kind's callbacks: the call may have been cancelled by it. -1 breaks the transfer off. */
static int leave(struct docker_call *call, int rc, const struct error *err)
{
    call->delivering = false;
    if (call->cancelled) {
        docker_call_free(call);
        return -1;
    }
    return rc < 0 ? docker_call_refuse(call, err) : 0;
}

/* The engine says in its answer to _ping which version it speaks. */
static int on_head(void *owner, int status)
{
    struct docker_call *call = owner;
    const char *version = outgoing_header(call->request, "Api-Version");
    call->status = status;
    if (call->kind->unversioned && version)
        snprintf(call->offered_version, sizeof(call->offered_version), "%s", version);
    if (!call->kind->opened || !docker_call_is_good(call))
        return 0;
    call->delivering = true;
    call->kind->opened(call);
    return leave(call, 0, NULL);
}

static int on_body(void *owner, const char *bytes, size_t size)
{
    struct docker_call *call = owner;
    struct error err;
    int rc;
    call->delivering = true;
    if (call->kind->receive && docker_call_is_good(call))
        rc = call->kind->receive(call, bytes, size, &err);
    else if ((rc = strbuf_append(&call->answer, bytes, size)) < 0)
        docker_failure_answer(call, &err, "it is too big");
    return leave(call, rc, &err);
}

static int on_send(void *owner, char *buffer, size_t size, size_t *ret_length)
{
    struct docker_call *call = owner;
    struct error err;
    call->delivering = true;
    int rc = call->kind->send(call, buffer, size, ret_length, &err);
    return leave(call, rc, &err);
}

static void on_done(void *owner, const struct outgoing_end *end)
{
    struct docker_call *call = owner;
    struct error err;
    bool failed = true;
    call->request = NULL;
    if (end->outcome == OUTGOING_STOPPED)
        err = call->failure;
    else if (end->outcome != OUTGOING_ANSWERED)
        docker_failure_transfer(call, end, &err);
    else if (!docker_call_is_good(call))
        docker_failure_status(call, &err);
    else
        failed = false;
    if (failed)
        note_failure(call->docker, &err);
    docker_call_end(call, failed ? &err : NULL);
}

static void list_headers(const struct docker_call *call, bool posts, const char *ret_headers[HEADERS_MAX + 1])
{
    size_t count = 0;
    if (call->kind->send)
        ret_headers[count++] = "Content-Type: application/x-tar";
    else if (posts)
        ret_headers[count++] = "Content-Type: application/json";
    if (call->header)
        ret_headers[count++] = call->header;
    ret_headers[count] = NULL;
}

void docker_transfer_start(struct docker_call *call)
{
    static const struct outgoing_callbacks plain = {.head = on_head, .body = on_body, .done = on_done};
    static const struct outgoing_callbacks sending = {
        .head = on_head, .body = on_body, .send = on_send, .done = on_done};
    bool posts = strcmp(call->method, "POST") == 0, versioned = !call->kind->unversioned;
    const char *body = call->body ? call->body : "", *headers[HEADERS_MAX + 1];
    cleanup_free char *url = xasprintf("http://docker%s%s%s", versioned ? "/v" : "",
                                       versioned ? call->docker->version : "", strbuf_text(&call->path));
    struct outgoing_spec spec = {.method = call->method,
                                 .url = url,
                                 .socket_path = call->docker->socket_path,
                                 .headers = headers,
                                 .body = posts ? body : NULL,
                                 .body_size = strlen(body),
                                 .connect_ms = DOCKER_CONNECT_MS,
                                 .callbacks = call->kind->send ? &sending : &plain,
                                 .owner = call};
    list_headers(call, posts, headers);
    call->stage = CALL_RUNNING;
    docker_call_move(call, &call->docker->running);
    call->request = outgoing_start(call->docker->outgoing, &spec);
}
