#include "docker/call.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static bool is_success(long status)
{
    return (status >= 200 && status < 300) || status == 304;
}

/* The next three run inside of curl: no call may be freed, started or removed before it is off the stack. */

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

void docker_transfer_start(struct docker_call *call)
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

void docker_transfer_stop(struct docker_call *call)
{
    if (!call->easy)
        return;
    curl_multi_remove_handle(call->docker->multi, call->easy);
    return_easy(call->docker, steal(&call->easy));
}

void docker_transfer_complete(struct docker_call *call, CURLcode result)
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
