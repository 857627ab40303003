#include "plugin_test/talk.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "http/body.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_MAX  65536
#define BLOCK     65536
#define PLACE_MAX 128

/* --- connections --- */

void talk_answer_init(struct talk_answer *answer)
{
    *answer = (struct talk_answer){0};
    strbuf_init(&answer->body, TALK_BYTES_MAX);
}

void talk_answer_clear(struct talk_answer *answer)
{
    strbuf_clear(&answer->body);
}

static int failed(struct error *err, const char *what)
{
    return error_errno(err, COMPONENT_FILES, errno, "%s", what);
}

static int connect_to(struct talk *talk, const void *address, socklen_t size, const char *place,
                      struct error *err)
{
    sa_family_t family = ((const struct sockaddr *)address)->sa_family;
    cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *talk = (struct talk){.fd = -1};
    strbuf_init(&talk->received, TALK_BYTES_MAX);
    if (fd < 0 || connect(fd, address, size) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot connect to %s", place);
    talk->fd = steal_fd(&fd);
    return 0;
}

int talk_open(struct talk *talk, const char *place, struct error *err)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct sockaddr_in remote = {.sin_family = AF_INET};
    char host[PLACE_MAX];
    *talk = (struct talk){.fd = -1};
    if (*place == '/') {
        snprintf(local.sun_path, sizeof(local.sun_path), "%s", place);
        return connect_to(talk, &local, sizeof(local), place, err);
    }
    const char *colon = strrchr(place, ':');
    snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - place) : 0, place);
    if (!colon || inet_pton(AF_INET, host, &remote.sin_addr) != 1)
        return error_set(err, ERROR_LISTEN_ADDRESS, "%s is no ADDRESS:PORT", place);
    remote.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    return connect_to(talk, &remote, sizeof(remote), place, err);
}

void talk_close(struct talk *talk)
{
    if (talk->fd >= 0)
        close(talk->fd);
    talk->fd = -1;
    strbuf_clear(&talk->received);
}

/* --- an answer from bytes --- */

struct reading {
    bool head_only;
    bool has_head;
    size_t at; /* so many bytes of what was received are dealt with */
    struct http_header headers[HTTP_HEADERS_DEFAULT];
    struct http_head head;
    struct http_body body;
    struct talk_answer *answer;
};

enum progress { PROGRESS_MORE, PROGRESS_DONE, PROGRESS_WRONG };

static int wrong(struct error *err, const char *what, enum error_code code)
{
    return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the answer's %s is not valid: %s", what,
                        error_code_slug(code));
}

static enum progress read_head(struct reading *reading, const struct strbuf *bytes, struct error *err)
{
    static const struct http_limits limits = {.head_bytes = HEAD_MAX, .target_bytes = HEAD_MAX};
    struct http_head_parser parser;
    http_head_parser_init_response(&parser, &reading->head, reading->headers, HTTP_HEADERS_DEFAULT, &limits,
                                   reading->head_only ? HTTP_METHOD_HEAD : HTTP_METHOD_GET);
    enum http_parse parse =
        http_head_parse(&parser, strbuf_text(bytes) + reading->at, bytes->length - reading->at);
    if (parse == HTTP_PARSE_MORE)
        return PROGRESS_MORE;
    if (parse == HTTP_PARSE_ERROR) {
        wrong(err, "head", parser.code);
        return PROGRESS_WRONG;
    }
    reading->at += reading->head.length;
    reading->has_head = reading->head.status >= 200; /* what is below comes before the answer */
    if (!reading->has_head)
        return read_head(reading, bytes, err);
    reading->answer->status = reading->head.status;
    reading->answer->closes = !reading->head.keep_alive || reading->head.framing == HTTP_FRAMING_UNTIL_CLOSE;
    reading->answer->is_chunked = reading->head.framing == HTTP_FRAMING_CHUNKED;
    http_body_init_head(&reading->body, &reading->head, TALK_BYTES_MAX);
    return PROGRESS_DONE;
}

static enum progress read_body(struct reading *reading, const struct strbuf *bytes, struct error *err)
{
    for (;;) {
        struct http_text data;
        size_t consumed;
        enum http_body_step step = http_body_scan(&reading->body, strbuf_text(bytes) + reading->at,
                                                  bytes->length - reading->at, &data, &consumed);
        reading->at += consumed;
        if (step == HTTP_BODY_DATA)
            strbuf_append(&reading->answer->body, data.data, data.length);
        else if (step == HTTP_BODY_MORE)
            return PROGRESS_MORE;
        else if (step == HTTP_BODY_DONE)
            return PROGRESS_DONE;
        else {
            wrong(err, "body", reading->body.code);
            return PROGRESS_WRONG;
        }
    }
}

static enum progress read_on(struct reading *reading, const struct strbuf *bytes, struct error *err)
{
    if (!reading->has_head) {
        enum progress progress = read_head(reading, bytes, err);
        if (progress != PROGRESS_DONE)
            return progress;
    }
    return read_body(reading, bytes, err);
}

/* --- both at once --- */

struct sending {
    const char *bytes;
    size_t left;
};

static int wait_for(const struct talk *talk, short events, uint64_t until_ms, short *ret_events,
                    struct error *err)
{
    struct pollfd ready = {.fd = talk->fd, .events = events};
    uint64_t now_ms = clock_ms();
    int count = now_ms >= until_ms ? 0 : poll(&ready, 1, (int)(until_ms - now_ms));
    if (count < 0 && errno != EINTR)
        return failed(err, "cannot wait for the connection");
    *ret_events = count > 0 ? ready.revents : 0;
    return clock_ms() < until_ms || count > 0
               ? 0
               : error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "no whole answer came in time");
}

/* What cannot be sent any more is left: the answer may be there all the same. */
static void send_some(const struct talk *talk, struct sending *sending)
{
    ssize_t sent = send(talk->fd, sending->bytes, sending->left, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
        sending->bytes += sent;
        sending->left -= (size_t)sent;
    } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        sending->left = 0;
    }
}

/* 1: something came, 0: nothing for now, -1: the end. */
static int receive_some(struct talk *talk)
{
    char block[BLOCK];
    ssize_t got = recv(talk->fd, block, sizeof(block), MSG_DONTWAIT);
    if (got > 0)
        return strbuf_append(&talk->received, block, (size_t)got) < 0 ? -1 : 1;
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static int exchange(struct talk *talk, struct sending *sending, struct reading *reading, uint64_t until_ms,
                    struct error *err)
{
    for (;;) {
        short events = 0;
        enum progress progress = read_on(reading, &talk->received, err);
        if (progress != PROGRESS_MORE)
            return progress == PROGRESS_DONE ? 0 : -1;
        if (wait_for(talk, (short)(POLLIN | (sending->left > 0 ? POLLOUT : 0)), until_ms, &events, err) < 0)
            return -1;
        if (events & POLLOUT)
            send_some(talk, sending);
        if (!(events & (POLLIN | POLLHUP | POLLERR)) || receive_some(talk) >= 0)
            continue;
        if (read_on(reading, &talk->received, err) == PROGRESS_DONE ||
            (reading->has_head && http_body_end_of_stream(&reading->body)))
            return 0;
        return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO,
                            "the connection was closed before the answer had ended");
    }
}

int talk_exchange(struct talk *talk, const void *bytes, size_t size, bool head_only, unsigned timeout_ms,
                  struct talk_answer *answer, struct error *err)
{
    struct sending sending = {bytes, size};
    struct reading reading = {.head_only = head_only, .answer = answer};
    strbuf_reset(&answer->body);
    int rc = exchange(talk, &sending, &reading, clock_ms() + timeout_ms, err);
    if (reading.has_head)
        http_body_clear(&reading.body);
    strbuf_reset(&talk->received);
    answer->closes = answer->closes || rc < 0 || sending.left > 0;
    return rc;
}

int talk_send(struct talk *talk, const void *bytes, size_t size, unsigned timeout_ms, struct error *err)
{
    struct sending sending = {bytes, size};
    uint64_t until_ms = clock_ms() + timeout_ms;
    while (sending.left > 0) {
        short events = 0;
        if (wait_for(talk, POLLOUT, until_ms, &events, err) < 0)
            return -1;
        send_some(talk, &sending);
    }
    return 0;
}

bool talk_has(struct talk *talk, const char *words, unsigned timeout_ms)
{
    uint64_t until_ms = clock_ms() + timeout_ms;
    for (;;) {
        short events = 0;
        if (memmem(strbuf_text(&talk->received), talk->received.length, words, strlen(words)))
            return true;
        if (wait_for(talk, POLLIN, until_ms, &events, NULL) < 0 || (events && receive_some(talk) < 0))
            return false;
    }
}

/* The caller frees it. */
static char *make_request(const char *method, const char *target, const json_t *body)
{
    bool has_body = body || (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0);
    cleanup_free char *text = body ? json_dumps(body, JSON_COMPACT) : xstrdup("");
    cleanup_free char *length = has_body ? xasprintf("Content-Length: %zu\r\n", strlen(text)) : xstrdup("");
    return xasprintf("%s %s HTTP/1.1\r\nHost: trial\r\n%s%s\r\n%s", method, target,
                     body ? "Content-Type: application/json\r\n" : "", length, text);
}

int talk_ask(const char *place, const char *method, const char *target, const json_t *body,
             unsigned timeout_ms, struct talk_answer *answer, struct error *err)
{
    struct talk talk;
    cleanup_free char *request = make_request(method, target, body);
    if (talk_open(&talk, place, err) < 0)
        return -1;
    int rc =
        talk_exchange(&talk, request, strlen(request), strcmp(method, "HEAD") == 0, timeout_ms, answer, err);
    talk_close(&talk);
    return rc;
}

json_t *talk_ask_json(const char *place, const char *method, const char *target, unsigned timeout_ms)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    json_t *json = NULL;
    if (talk_ask(place, method, target, NULL, timeout_ms, &answer, NULL) == 0 && answer.status < 400)
        json = json_loadb(strbuf_text(&answer.body), answer.body.length, JSON_DECODE_ANY, NULL);
    talk_answer_clear(&answer);
    return json;
}
