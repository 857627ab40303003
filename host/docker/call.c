#include "docker/call.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES (128u << 10) /* build arguments travel in the path */

static void arm_timer(struct docker_call *call);

static void on_time_out(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct docker_call *call = arg;
    struct error err;
    error_set(&err, "docker", "docker-timeout", "cannot %s %s: no answer within %u ms", call->kind->verb,
              call->subject, call->timeout_ms);
    error_hint(&err, "see what keeps dockerd busy: docker info, journalctl -u docker");
    docker_call_end(call, &err);
}

struct docker_call *docker_call_create(struct docker *docker, const struct docker_kind *kind,
                                       const char *subject, void *owner)
{
    struct docker_call *call = xcalloc(1, sizeof(*call));
    call->docker = docker;
    call->kind = kind;
    call->owner = owner;
    call->subject = xstrdup(subject ? subject : "");
    call->timeout_ms = kind->unlimited ? 0 : docker->timeout_ms;
    strbuf_init(&call->path, PATH_MAX_BYTES);
    strbuf_init(&call->answer, DOCKER_ANSWER_MAX);
    event_assign(&call->timer, docker->base, -1, 0, on_time_out, call);
    return call;
}

void docker_call_move(struct docker_call *call, struct docker_calls *list)
{
    if (call->list)
        TAILQ_REMOVE(call->list, call, link);
    call->list = list;
    if (list)
        TAILQ_INSERT_TAIL(list, call, link);
}

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
        error_set(&err, "docker", "docker-request", "cannot %s %s: a name or value is not valid UTF-8",
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

int docker_call_refuse(struct docker_call *call, const struct error *err)
{
    if (!call->failed) {
        call->failure = *err;
        call->failed = true;
    }
    return -1;
}

/* Everything that runs inside curl from here on: no call may be freed, started or removed before it is off
 * the stack. */

static bool is_success(long status)
{
    return (status >= 200 && status < 300) || status == 304;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *arg)
{
    struct docker_call *call = arg;
    size_t size = one * count;
    if (call->stage == CALL_ENDED)
        return 0;
    if (call->status == 0)
        curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    struct error err;
    int result;
    if (call->kind->receive && is_success(call->status))
        result = call->kind->receive(call, bytes, size, &err);
    else if ((result = strbuf_append(&call->answer, bytes, size)) < 0)
        docker_failure_answer(call, &err, "it is too big");
    if (result < 0)
        docker_call_refuse(call, &err);
    return result < 0 || call->stage == CALL_ENDED ? 0 : size;
}

static size_t on_header(char *bytes, size_t one, size_t count, void *arg)
{
    struct docker_call *call = arg;
    size_t size = one * count;
    bool is_end = size > 0 && (bytes[0] == '\r' || bytes[0] == '\n');
    if (!is_end || !call->kind->opened || call->stage == CALL_ENDED)
        return size;
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (is_success(status))
        call->kind->opened(call);
    return size;
}

static size_t on_send(char *buffer, size_t one, size_t count, void *arg)
{
    struct docker_call *call = arg;
    struct error err;
    size_t length = 0;
    if (call->stage == CALL_ENDED)
        return CURL_READFUNC_ABORT;
    if (call->kind->send(call, buffer, one * count, &length, &err) < 0) {
        docker_call_refuse(call, &err);
        return CURL_READFUNC_ABORT;
    }
    return length;
}

static CURL *take_easy(struct docker *docker)
{
    if (docker->idle_count == 0)
        return curl_easy_init();
    CURL *easy = docker->idle[--docker->idle_count];
    curl_easy_reset(easy);
    return easy;
}

static void return_easy(struct docker *docker, CURL *easy)
{
    if (docker->idle_count < DOCKER_IDLE_EASY_MAX)
        docker->idle[docker->idle_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

static void set_body_options(struct docker_call *call)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->docker->json_headers);
    if (call->kind->send) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->docker->tar_headers);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(easy, CURLOPT_READDATA, call);
    } else if (strcmp(call->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body ? call->body : "");
    } else if (strcmp(call->method, "GET") != 0) {
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    }
}

static CURLcode set_options(struct docker_call *call, const char *url)
{
    CURL *easy = call->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)DOCKER_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    set_body_options(call);
    CURLcode result = curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, call->docker->socket_path);
    return result != CURLE_OK ? result : curl_easy_setopt(easy, CURLOPT_URL, url);
}

/* Hands the call to curl; a call that curl does not take ends from the event loop. */
static void start(struct docker_call *call)
{
    struct docker *docker = call->docker;
    bool versioned = !call->kind->unversioned;
    char *url = xasprintf("http://docker%s%s%s", versioned ? "/v" : "", versioned ? docker->version : "",
                          strbuf_text(&call->path));
    call->easy = take_easy(docker);
    bool started = call->easy && set_options(call, url) == CURLE_OK &&
                   curl_multi_add_handle(docker->multi, call->easy) == CURLM_OK;
    free(url);
    if (started) {
        call->stage = CALL_RUNNING;
        docker_call_move(call, &docker->running);
        return;
    }
    if (call->easy)
        curl_easy_cleanup(steal(&call->easy));
    struct error err;
    error_set(&err, "docker", "docker-request", "cannot %s %s: libcurl does not take the request",
              call->kind->verb, call->subject);
    docker_call_refuse(call, &err);
    docker_call_submit(call);
}

static void arm_timer(struct docker_call *call)
{
    event_del(&call->timer);
    if (call->timeout_ms == 0)
        return;
    struct timeval after = {.tv_sec = call->timeout_ms / 1000, .tv_usec = call->timeout_ms % 1000 * 1000};
    event_add(&call->timer, &after);
}

struct docker_call *docker_call_submit(struct docker_call *call)
{
    struct docker *docker = call->docker;
    if (call->path.overflowed) {
        struct error err;
        error_set(&err, "docker", "docker-request", "cannot %s %s: the request is too long", call->kind->verb,
                  call->subject);
        docker_call_refuse(call, &err);
    }
    if (call->stage == CALL_NEW)
        arm_timer(call);
    if (call->failed) {
        call->stage = CALL_FAILED;
        docker_call_move(call, &docker->failed);
        event_active(&docker->kick, EV_TIMEOUT, 0);
    } else if (!call->kind->unversioned && docker->version_state != VERSION_KNOWN) {
        call->stage = CALL_WAITING;
        docker_call_move(call, &docker->waiting);
        docker_version_negotiate(docker);
    } else if (docker->in_curl) {
        call->stage = CALL_READY;
        docker_call_move(call, &docker->ready);
    } else {
        start(call);
    }
    return call;
}

void docker_call_start_ready(struct docker *docker)
{
    struct docker_call *call;
    while ((call = TAILQ_FIRST(&docker->ready)))
        start(call);
}

void docker_call_renew(struct docker_call *call, const struct docker_kind *kind)
{
    call->kind = kind;
    call->status = 0;
    call->stage = CALL_NEW;
    strbuf_reset(&call->answer);
}

/* Takes the call away from curl and stops its clock. */
static void detach(struct docker_call *call)
{
    event_del(&call->timer);
    if (!call->easy)
        return;
    curl_multi_remove_handle(call->docker->multi, call->easy);
    return_easy(call->docker, steal(&call->easy));
}

void docker_call_free(struct docker_call *call)
{
    detach(call);
    docker_call_move(call, NULL);
    if (call->kind->clear)
        call->kind->clear(call);
    strbuf_clear(&call->path);
    strbuf_clear(&call->answer);
    free(call->body);
    free(call->subject);
    free(call);
}

void docker_call_free_ended(struct docker *docker)
{
    struct docker_call *call;
    while ((call = TAILQ_FIRST(&docker->ended)))
        docker_call_free(call);
}

void docker_call_end(struct docker_call *call, const struct error *err)
{
    detach(call);
    docker_call_move(call, NULL);
    call->stage = CALL_ENDED;
    call->kind->finish(call, err);
    if (call->stage == CALL_ENDED)
        docker_call_free(call);
}

void docker_call_complete(struct docker_call *call, CURLcode result)
{
    long os_errno = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_errno);
    struct curl_header *header;
    if (call->kind->unversioned &&
        curl_easy_header(call->easy, "Api-Version", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        snprintf(call->offered_version, sizeof(call->offered_version), "%s", header->value);

    struct error err;
    bool failed = true;
    if (call->failed)
        err = call->failure;
    else if (result != CURLE_OK)
        docker_failure_transfer(call, result, os_errno, &err);
    else if (!is_success(call->status))
        docker_failure_status(call, &err);
    else
        failed = false;
    if (failed && strcmp(err.reason, "docker-unreachable") == 0 &&
        call->docker->version_state == VERSION_KNOWN)
        call->docker->version_state = VERSION_UNKNOWN;
    docker_call_end(call, failed ? &err : NULL);
}

void docker_cancel(struct docker_call *call)
{
    if (!call)
        return;
    struct docker *docker = call->docker;
    if (call->stage == CALL_ENDED) {
        call->cancelled = true;
    } else if (docker->in_curl && call->easy) {
        call->cancelled = true;
        call->stage = CALL_ENDED;
        event_del(&call->timer);
        docker_call_move(call, &docker->ended);
    } else {
        docker_call_free(call);
    }
}

void docker_call_set_timeout(struct docker_call *call, unsigned timeout_ms)
{
    call->timeout_ms = timeout_ms;
    if (call->stage != CALL_ENDED)
        arm_timer(call);
}

void docker_call_finish_plain(struct docker_call *call, const struct error *err)
{
    call->callback.done(call->owner, err);
}
