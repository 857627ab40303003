#include "fleet/link/handshake.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/locked.h"
#include "base/strbuf.h"
#include "base/utf8.h"
#include "http/body.h"
#include "http/head.h"
#include "http/problem.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_HEAD_MAX (16u << 10)
#define ANSWER_MAX      (256u << 10) /* head, error and traceback */

/* What is asked for: its last name in the path and the media type, and how an error speaks of it. */
static const struct {
    const char *name, *refused, *going;
} requests[] = {
    [HANDSHAKE_INIT] = {"init", "the function cannot be loaded", "the function was being loaded"},
    [HANDSHAKE_PREWARM] = {"prewarm", "libraries cannot be loaded ahead", "libraries were being loaded"},
};

struct handshake {
    enum handshake_request asked;
    struct event *event;
    int fd;
    struct locked request; /* it may have secrets in it */
    size_t sent;
    struct strbuf answer; /* as received */
    struct http_limits limits;
    struct http_header headers[32];
    struct http_head head;
    struct http_head_parser parser;
    bool head_done;
    size_t scanned; /* bytes of the answer's body that `body` has seen */
    struct http_body body;
    struct strbuf content; /* the answer's body */
    handshake_done_fn *done; /* or: */
    handshake_told_fn *told;
    void *owner;
};

static void handshake_free(struct handshake *handshake)
{
    event_free(handshake->event);
    locked_clear(&handshake->request);
    strbuf_clear(&handshake->answer);
    strbuf_clear(&handshake->content);
    http_body_clear(&handshake->body);
    free(handshake);
}

/* What the answer to a repeated init says besides. */
static bool says_working(const struct handshake *handshake)
{
    json_t *json = json_loadb(strbuf_text(&handshake->content), handshake->content.length, 0, NULL);
    bool working = json_is_true(json_object_get(json, "working"));
    json_decref(json);
    return working;
}

/* Reports the end. These and everything that may lead to them return whether the handshake is still under
 * way.
 */
static bool finish_with(struct handshake *handshake, const struct error *err, const char *text)
{
    handshake_done_fn *done = handshake->done;
    handshake_told_fn *told = handshake->told;
    void *owner = handshake->owner;
    bool working = told && !err && says_working(handshake);
    struct strbuf content = handshake->content; /* `text` may be of it */
    handshake->content = (struct strbuf){0};
    handshake_free(handshake);
    if (told)
        told(owner, err, working);
    else
        done(owner, err, text);
    strbuf_clear(&content);
    return false;
}

static bool finish(struct handshake *handshake, const struct error *err)
{
    return finish_with(handshake, err, NULL);
}

/* Of a traceback, the last line that says something: for Python the exception itself. Unless the message has
 * told it already, it is the hint. */
static void hint_at_traceback(struct error *err, const char *traceback)
{
    size_t end = strlen(traceback);
    while (end > 0 && strchr("\n\r ", traceback[end - 1]))
        end--;
    size_t begin = end;
    while (begin > 0 && traceback[begin - 1] != '\n')
        begin--;
    char *last = xstrndup(traceback + begin, end - begin);
    if (strstr(err->message, last))
        error_hint(err, "the whole traceback is in the log of the function");
    else
        error_hint(err, "%s", last);
    free(last);
}

/* Turns an answer other than 200 into the error that waiting requests get. */
static bool refused(struct handshake *handshake)
{
    if (handshake->content.data)
        utf8_repair(handshake->content.data);
    json_t *json =
        json_loadb(strbuf_text(&handshake->content), handshake->content.length, JSON_ALLOW_NUL, NULL);
    const json_t *error = json_object_get(json, "error");
    const char *message =
        json_string_value(json_is_string(error) ? error : json_object_get(error, "message"));
    const char *traceback =
        json_string_value(json_object_get(json_is_string(error) ? json : error, "traceback"));
    struct error err;
    error_set(&err, ERROR_LOAD_FAILED, "%s: %s", requests[handshake->asked].refused,
              message ? message : "the runner gave no reason");
    if (traceback && *traceback)
        hint_at_traceback(&err, traceback);
    utf8_repair(err.message); /* long texts are cut anywhere */
    utf8_repair(err.hint);
    finish_with(handshake, &err, traceback);
    json_decref(json);
    return false;
}

static bool broken(struct handshake *handshake, const char *message)
{
    struct error err;
    error_set(&err, ERROR_RUNNER_PROTOCOL, "the runner's answer to %s is not right: %s",
              requests[handshake->asked].name, message);
    return finish(handshake, &err);
}

static bool gone(struct handshake *handshake)
{
    struct error err;
    error_set(&err, ERROR_RUNNER_GONE, "the runner closed its connection while %s",
              requests[handshake->asked].going);
    return finish(handshake, &err);
}

static bool concluded(struct handshake *handshake)
{
    if (handshake->head.status != 200)
        return refused(handshake);
    if (handshake->sent < handshake->request.size)
        return broken(handshake, "it came before the request was sent");
    if (handshake->answer.length > handshake->head.length + handshake->scanned)
        return broken(handshake, "it is longer than it says");
    return finish_with(handshake, NULL, strbuf_text(&handshake->content));
}

/* Feeds what has come of the body to the scanner. */
static bool scan_body(struct handshake *handshake)
{
    for (;;) {
        size_t offset = handshake->head.length + handshake->scanned;
        struct http_text data;
        size_t consumed = 0;
        enum http_body_step step = http_body_scan(&handshake->body, handshake->answer.data + offset,
                                                  handshake->answer.length - offset, &data, &consumed);
        handshake->scanned += consumed;
        if (step == HTTP_BODY_MORE)
            return true;
        if (step == HTTP_BODY_DONE)
            return concluded(handshake);
        if (step != HTTP_BODY_DATA)
            return broken(handshake, http_problem(handshake->body.code)->message);
        strbuf_append(&handshake->content, data.data, data.length);
    }
}

static bool scan_answer(struct handshake *handshake)
{
    if (!handshake->head_done) {
        enum http_parse parse =
            http_head_parse(&handshake->parser, handshake->answer.data, handshake->answer.length);
        if (parse == HTTP_PARSE_MORE)
            return true;
        if (parse == HTTP_PARSE_ERROR)
            return broken(handshake, http_problem(handshake->parser.code)->message);
        handshake->head_done = true;
        http_body_init_head(&handshake->body, &handshake->head, ANSWER_MAX);
    }
    handshake->head.bytes = handshake->answer.data;
    return scan_body(handshake);
}

static bool receive(struct handshake *handshake)
{
    char block[16384];
    ssize_t size = recv(handshake->fd, block, sizeof(block), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (size == 0 && handshake->head_done && http_body_end_of_stream(&handshake->body))
        return concluded(handshake);
    if (size <= 0)
        return gone(handshake);
    if (strbuf_append(&handshake->answer, block, (size_t)size) < 0)
        return broken(handshake, "it is too long");
    return scan_answer(handshake);
}

/* From now on only the answer is waited for. */
static void stop_sending(struct handshake *handshake)
{
    event_del(handshake->event);
    event_assign(handshake->event, event_get_base(handshake->event), handshake->fd, EV_READ | EV_PERSIST,
                 event_get_callback(handshake->event), handshake);
    event_add(handshake->event, NULL);
}

static void transmit(struct handshake *handshake)
{
    size_t left = handshake->request.size - handshake->sent;
    ssize_t size = send(handshake->fd, handshake->request.bytes + handshake->sent, left, MSG_NOSIGNAL);
    if (size > 0)
        handshake->sent += (size_t)size;
    bool failed = size < 0 && errno != EAGAIN && errno != EINTR; /* its answer may be there to be read yet */
    if (failed || handshake->sent == handshake->request.size)
        stop_sending(handshake);
}

static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    struct handshake *handshake = context;
    if ((what & EV_READ) && !receive(handshake))
        return;
    if (what & EV_WRITE)
        transmit(handshake);
}

static void build_request(struct handshake *handshake, const char *settings)
{
    const char *name = requests[handshake->asked].name;
    size_t settings_size = strlen(settings);
    cleanup_free char *head =
        xasprintf("POST /.berth/%s HTTP/1.1\r\nHost: berth\r\nContent-Type: application/vnd.berth.%s\r\n"
                  "Berth-Settings-Length: %zu\r\nContent-Length: %zu\r\n\r\n",
                  name, name, settings_size, settings_size);
    size_t head_size = strlen(head);
    handshake->request = locked_make(head_size + settings_size);
    memcpy(handshake->request.bytes, head, head_size);
    memcpy(handshake->request.bytes + head_size, settings, settings_size);
}

static struct handshake *begin(struct event_base *base, int fd, enum handshake_request request,
                               const char *settings)
{
    struct handshake *handshake = xcalloc(1, sizeof(*handshake));
    handshake->asked = request;
    handshake->fd = fd;
    handshake->limits = (struct http_limits){.head_bytes = ANSWER_HEAD_MAX};
    strbuf_init(&handshake->answer, ANSWER_MAX);
    strbuf_init(&handshake->content, ANSWER_MAX);
    build_request(handshake, settings);
    http_head_parser_init_response(&handshake->parser, &handshake->head, handshake->headers,
                                   sizeof(handshake->headers) / sizeof(handshake->headers[0]),
                                   &handshake->limits, HTTP_METHOD_POST);
    handshake->event = event_new(base, fd, EV_READ | EV_WRITE | EV_PERSIST, on_event, handshake);
    event_add(handshake->event, NULL);
    return handshake;
}

struct handshake *handshake_start(struct event_base *base, int fd, enum handshake_request request,
                                  const char *settings, handshake_done_fn *done, void *owner)
{
    struct handshake *handshake = begin(base, fd, request, settings);
    handshake->done = done;
    handshake->owner = owner;
    return handshake;
}

struct handshake *handshake_ask(struct event_base *base, int fd, const char *settings,
                                handshake_told_fn *told, void *owner)
{
    struct handshake *handshake = begin(base, fd, HANDSHAKE_INIT, settings);
    handshake->told = told;
    handshake->owner = owner;
    return handshake;
}

void handshake_cancel(struct handshake *handshake)
{
    if (handshake)
        handshake_free(handshake);
}
