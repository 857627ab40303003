/* Connections, requests and responses of the runner library, over a socket pair: the test plays the host. */
#include "berth/runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

typedef void handler_fn(struct berth_request *request);

/* A runner thread that serves one connection with `handler`; the other end is `host`. */
struct rig {
    int host;
    handler_fn *handler;
    struct berth_connection *connection;
    pthread_t thread;
    int last; /* what ended the last berth_connection_next() */
    int last_errno;
};

static void *run_rig(void *argument)
{
    struct rig *rig = argument;
    struct berth_request *request;
    while ((rig->last = berth_connection_next(rig->connection, &request)) > 0) {
        rig->handler(request);
        if (!berth_request_finish(request))
            break;
    }
    rig->last_errno = errno;
    berth_connection_close(rig->connection);
    return NULL;
}

static void rig_start(struct rig *rig, handler_fn *handler)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct timeval limit = {.tv_sec = 120}; /* for a busy machine */
    setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    *rig = (struct rig){.host = pair[0], .handler = handler, .connection = berth_connection_create()};
    assert_non_null(rig->connection);
    berth_connection_attach(rig->connection, pair[1]);
    assert_int_equal(pthread_create(&rig->thread, NULL, run_rig, rig), 0);
}

static void rig_stop(struct rig *rig)
{
    if (rig->host >= 0)
        close(rig->host);
    pthread_join(rig->thread, NULL);
    berth_connection_destroy(rig->connection);
}

static void host_send(const struct rig *rig, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(rig->host, bytes, size, MSG_NOSIGNAL);
        if (sent < 0)
            return; /* the runner has closed: what it said is checked */
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Receives `size` bytes, or fewer when the stream ends. */
static size_t host_receive(const struct rig *rig, char *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = recv(rig->host, buffer + used, size - used, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            break;
        assert_true(got > 0);
        used += (size_t)got;
    }
    return used;
}

static void expect_text(const struct rig *rig, const char *expected)
{
    char got[4096] = "";
    assert_true(strlen(expected) < sizeof(got));
    size_t size = host_receive(rig, got, strlen(expected));
    got[size] = '\0';
    assert_string_equal(got, expected);
}

static void expect_end(const struct rig *rig)
{
    char byte;
    assert_int_equal(host_receive(rig, &byte, 1), 0);
}

/* ---- Handlers ---- */

/* Says what it saw: method, target, the header X-Test, the body. */
static void report(struct berth_request *request)
{
    char body[1024], text[2048];
    size_t used = 0;
    ssize_t got;
    while ((got = berth_request_read(request, body + used, sizeof(body) - used)) > 0)
        used += (size_t)got;
    const char *test = berth_request_header(request, "x-TEST");
    int size =
        snprintf(text, sizeof(text), "%s %s [%s] %lld %.*s%s", berth_request_method(request),
                 berth_request_target(request), test ? test : "-",
                 (long long)berth_request_content_length(request), (int)used, body, got < 0 ? " broken" : "");
    berth_response_send(request, 200, "text/plain", text, (size_t)size);
}

static void ignore_body(struct berth_request *request)
{
    berth_response_send(request, 200, NULL, "ok", 2);
}

static void say_nothing(struct berth_request *request)
{
    (void)request;
}

static void stream(struct berth_request *request)
{
    assert_int_equal(berth_response_start(request, 200, NULL, 0, -1), 0);
    assert_int_equal(berth_response_write(request, "one", 3), 0);
    assert_int_equal(berth_response_write(request, "", 0), 0);
    assert_int_equal(berth_response_write(request, "twotwotwotwotwotwo", 18), 0);
}

static void not_modified(struct berth_request *request)
{
    assert_int_equal(berth_response_start(request, 304, NULL, 0, -1), 0);
    assert_int_equal(berth_response_write(request, "dropped", 7), 0);
}

static void no_content(struct berth_request *request)
{
    assert_int_equal(berth_response_send(request, 204, NULL, "dropped", 7), 0);
}

static void too_short(struct berth_request *request)
{
    assert_int_equal(berth_response_start(request, 200, NULL, 0, 5), 0);
    assert_int_equal(berth_response_write(request, "abc", 3), 0);
}

static void too_long(struct berth_request *request)
{
    assert_int_equal(berth_response_start(request, 200, NULL, 0, 2), 0);
    assert_int_equal(berth_response_write(request, "abc", 3), -1);
    assert_int_equal(errno, EMSGSIZE);
}

static void abort_midway(struct berth_request *request)
{
    berth_response_start(request, 200, NULL, 0, -1);
    berth_response_write(request, "abc", 3);
    berth_response_abort(request);
}

#define HEADER(n, v) .name = (n), .name_length = sizeof(n) - 1, .value = (v), .value_length = sizeof(v) - 1

static void own_framing(struct berth_request *request)
{
    const struct berth_header headers[] = {{HEADER("Content-Length", "99")},
                                           {HEADER("transfer-encoding", "gzip")},
                                           {HEADER("Connection", "keep-alive")},
                                           {HEADER("X-A", "1")}};
    berth_response_start(request, 200, headers, 4, 2);
    berth_response_write(request, "ok", 2);
}

static void close_after(struct berth_request *request)
{
    const struct berth_header headers[] = {{HEADER("Connection", "Close")}};
    berth_response_start(request, 200, headers, 1, 0);
}

static void bad_headers(struct berth_request *request)
{
    const struct berth_header split[] = {{HEADER("X-A", "1\r\nX-B: 2")}};
    const struct berth_header space[] = {{HEADER("X A", "1")}};
    const struct berth_header empty[] = {{HEADER("", "1")}};
    assert_int_equal(berth_response_start(request, 200, split, 1, 0), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(berth_response_start(request, 200, space, 1, 0), -1);
    assert_int_equal(berth_response_start(request, 200, empty, 1, 0), -1);
    assert_int_equal(berth_response_start(request, 101, NULL, 0, 0), -1);
    assert_int_equal(berth_response_start(request, 99, NULL, 0, 0), -1);
    assert_int_equal(berth_response_write(request, "x", 1), -1);
    assert_int_equal(berth_response_send(request, 200, NULL, "ok", 2), 0);
    assert_int_equal(berth_response_start(request, 200, NULL, 0, 0), -1);
    assert_int_equal(errno, EALREADY);
}

static void early_hints(struct berth_request *request)
{
    const struct berth_header headers[] = {{HEADER("Link", "</a>")}};
    assert_int_equal(berth_response_inform(request, 103, headers, 1), 0);
    assert_int_equal(berth_response_inform(request, 200, NULL, 0), -1);
    ignore_body(request);
}

static void bad_text(struct berth_request *request)
{
    berth_response_error(request, 400, "a\xff\"b\xc3\xa9\xc3", "1\n2");
}

#define OK_2 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define TEXT(length, body)                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " #length "\r\n\r\n" body

#define ERROR(message, id, traceback)                                                                        \
    "{\"error\":{\"component\":\"function\",\"reason\":\"failed\",\"message\":\"" message                    \
    "\",\"hint\":\"\",\"request_id\":\"" id "\"" traceback "}}"

/* One or more requests on one connection and every byte of the answer. */
static const struct {
    const char *name;
    handler_fn *handler;
    const char *request;
    const char *response;
    bool closes;
} cases[] = {
    {"get", report, "GET /a?b=%20c HTTP/1.1\r\nHost: x\r\nX-Test:  v \r\n\r\n",
     TEXT(20, "GET /a?b=%20c [v] 0 ")},
    {"empty header", report, "GET / HTTP/1.1\r\nHost: x\r\nX-Test:\r\n\r\n", TEXT(11, "GET / [] 0 ")},
    {"length", report, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", TEXT(16, "POST / [-] 3 abc")},
    {"chunked", report,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nX-Test: "
     "no\r\n\r\n",
     TEXT(19, "POST / [-] -1 abcde")},
    {"chunked, then another", report,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n",
     TEXT(15, "POST / [-] -1 a") TEXT(13, "GET /2 [-] 0 ")},
    {"pipelined", report,
     "POST /1 HTTP/1.1\r\nContent-Length: 1\r\n\r\naGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n",
     TEXT(15, "POST /1 [-] 1 a") TEXT(13, "GET /2 [-] 0 ") TEXT(13, "GET /3 [-] 0 ")},
    {"unread body", ignore_body, "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n",
     OK_2 OK_2},
    {"unread chunks", ignore_body, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
    {"unread large body", ignore_body, "POST / HTTP/1.1\r\nContent-Length: 70000\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
    {"head", report, "HEAD / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n"},
    {"head of a stream", stream, "HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"},
    {"stream", stream, "GET / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: "
     "chunked\r\n\r\n3\r\none\r\n12\r\ntwotwotwotwotwotwo\r\n0\r\n\r\n"},
    {"stream to 1.0", stream, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwotwotwotwotwotwo", true},
    {"keep-alive of 1.0", ignore_body, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"},
    {"1.0", ignore_body, "GET / HTTP/1.0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
    {"304", not_modified, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"},
    {"204", no_content, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"no response", say_nothing, "GET / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: "
     "119\r\n\r\n" ERROR("the handler gave no response", "", "")},
    {"too short", too_short, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
     true},
    {"too long", too_long, "GET / HTTP/1.1\r\n\r\n", "", true},
    {"aborted", abort_midway, "GET / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true},
    {"own framing", own_framing, "GET / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nok"},
    {"close asked by handler", close_after, "GET / HTTP/1.1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true},
    {"close asked by host", ignore_body, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", true},
    {"bad headers", bad_headers, "GET / HTTP/1.1\r\n\r\n", OK_2},
    {"103", early_hints, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_2},
    {"text that is not UTF-8", bad_text, "GET / HTTP/1.1\r\nX-Request-Id: id-1\r\n\r\n",
     "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 126\r\n\r\n" ERROR(
         "a\xef\xbf\xbd\\\"b\xc3\xa9\xef\xbf\xbd", "id-1", ",\"traceback\":\"1\\n2\"")},
    {"cut body", report, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
     "POST / [-] -1 abc broken",
     true},
};

#define REFUSED(status) "HTTP/1.1 " #status " \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

/* What is not HTTP/1.1 is refused, and the connection closed. */
static const struct {
    const char *request;
    const char *response;
} malformed[] = {
    {"nonsense\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nA : b\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", REFUSED(400)},
    {"GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", REFUSED(413)},
    {"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", REFUSED(501)},
    {"GET / HTTP/2.0\r\n\r\n", REFUSED(505)},
};

static void test_exchanges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        print_message("  %s\n", cases[i].name);
        rig_start(&rig, cases[i].handler);
        host_send(&rig, cases[i].request, strlen(cases[i].request));
        expect_text(&rig, cases[i].response);
        if (cases[i].closes)
            expect_end(&rig);
        rig_stop(&rig);
        assert_true(cases[i].closes || rig.last == 0);
    }
}

static void test_exchanges_byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;
        rig_start(&rig, cases[i].handler);
        for (const char *byte = cases[i].request; *byte; byte++)
            host_send(&rig, byte, 1);
        expect_text(&rig, cases[i].response);
        rig_stop(&rig);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        struct rig rig;
        print_message("  %.40s\n", malformed[i].request);
        rig_start(&rig, ignore_body);
        host_send(&rig, malformed[i].request, strlen(malformed[i].request));
        expect_text(&rig, malformed[i].response);
        expect_end(&rig);
        rig_stop(&rig);
        assert_int_equal(rig.last, -1);
        assert_int_equal(rig.last_errno, EPROTO);
    }
}

static void count_headers(struct berth_request *request)
{
    char text[64];
    size_t count, length = 0;
    const struct berth_header *headers = berth_request_headers(request, &count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(headers[i].name), headers[i].name_length);
        assert_int_equal(strlen(headers[i].value), headers[i].value_length);
        length += headers[i].value_length;
    }
    int size = snprintf(text, sizeof(text), "%zu/%zu", count, length);
    berth_response_send(request, 200, NULL, text, (size_t)size);
}

/* A head with `count` headers of `length` bytes. The caller frees. */
static char *make_head(unsigned count, size_t length, size_t *ret_size)
{
    size_t size = 64 + count * (length + 16), used;
    char *head = malloc(size);
    assert_non_null(head);
    used = (size_t)snprintf(head, size, "GET / HTTP/1.1\r\n");
    for (unsigned i = 0; i < count; i++) {
        used += (size_t)snprintf(head + used, size - used, "X-%u: ", i);
        memset(head + used, 'v', length);
        used += length;
        used += (size_t)snprintf(head + used, size - used, "\r\n");
    }
    used += (size_t)snprintf(head + used, size - used, "\r\n");
    *ret_size = used;
    return head;
}

static void try_head(unsigned count, size_t length, const char *response)
{
    struct rig rig;
    size_t size;
    char *head = make_head(count, length, &size);
    rig_start(&rig, count_headers);
    host_send(&rig, head, size);
    expect_text(&rig, response);
    rig_stop(&rig);
    free(head);
}

static void test_large_heads(void **state)
{
    (void)state;
    try_head(1000, 20, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1000/20000");
    try_head(1, 200000, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n1/200000");
    try_head(1025, 1, REFUSED(431));
    try_head(1, 300000, REFUSED(431));
    for (size_t length = 14300; length < 14400; length++) { /* around the edge of the buffer */
        char response[128];
        snprintf(response, sizeof(response), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n1/%zu", length);
        try_head(1, length, response);
    }
}

/* ---- Large bodies, both ways at once ---- */

#define LARGE (32u << 20)

static void echo(struct berth_request *request)
{
    static char buffer[65536];
    ssize_t got;
    berth_response_start(request, 200, NULL, 0, berth_request_content_length(request));
    while ((got = berth_request_read(request, buffer, sizeof(buffer))) > 0)
        berth_response_write(request, buffer, (size_t)got);
}

static unsigned char pattern(size_t at)
{
    return (unsigned char)(at * 2654435761u >> 13);
}

struct upload {
    const struct rig *rig;
    bool chunked;
};

static void *run_upload(void *argument)
{
    const struct upload *upload = argument;
    static char block[50000];
    for (size_t sent = 0; sent < LARGE;) {
        size_t size = LARGE - sent < sizeof(block) ? LARGE - sent : sizeof(block);
        char line[32];
        for (size_t i = 0; i < size; i++)
            block[i] = (char)pattern(sent + i);
        if (upload->chunked)
            host_send(upload->rig, line, (size_t)snprintf(line, sizeof(line), "%zx\r\n", size));
        host_send(upload->rig, block, size);
        if (upload->chunked)
            host_send(upload->rig, "\r\n", 2);
        sent += size;
    }
    if (upload->chunked)
        host_send(upload->rig, "0\r\n\r\n", 5);
    return NULL;
}

static void test_large_body_by_length(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    char head[256], *body = malloc(LARGE);
    rig_start(&rig, echo);
    int size = snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nContent-Length: %u\r\n\r\n", LARGE);
    host_send(&rig, head, (size_t)size);
    struct upload upload = {.rig = &rig};
    pthread_create(&thread, NULL, run_upload, &upload);
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %u\r\nConnection: close\r\n\r\n", LARGE);
    expect_text(&rig, head);
    assert_int_equal(host_receive(&rig, body, LARGE), LARGE);
    for (size_t i = 0; i < LARGE; i++)
        if (body[i] != (char)pattern(i))
            fail_msg("byte %zu differs", i);
    pthread_join(thread, NULL);
    rig_stop(&rig);
    free(body);
}

static void sum_body(struct berth_request *request)
{
    static char buffer[3001];
    uint64_t at = 0, wrong = 0;
    ssize_t got;
    while ((got = berth_request_read(request, buffer, sizeof(buffer))) > 0)
        for (ssize_t i = 0; i < got; i++)
            wrong += buffer[i] != (char)pattern(at++);
    int size =
        snprintf(buffer, sizeof(buffer), "%llu %llu", (unsigned long long)at, (unsigned long long)wrong);
    berth_response_send(request, 200, NULL, buffer, (size_t)size);
}

static void test_large_body_in_chunks(void **state)
{
    (void)state;
    struct rig rig;
    pthread_t thread;
    const char *head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    rig_start(&rig, sum_body);
    host_send(&rig, head, strlen(head));
    struct upload upload = {.rig = &rig, .chunked = true};
    pthread_create(&thread, NULL, run_upload, &upload);
    expect_text(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n33554432 0");
    pthread_join(thread, NULL);
    rig_stop(&rig);
}

/* ---- Order of events ---- */

static void test_expect_continue(void **state)
{
    (void)state;
    struct rig rig;
    const char *head = "POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n";
    rig_start(&rig, report);
    host_send(&rig, head, strlen(head));
    expect_text(&rig, "HTTP/1.1 100 Continue\r\n\r\n");
    host_send(&rig, "hi", 2);
    expect_text(&rig, TEXT(15, "POST / [-] 2 hi"));
    rig_stop(&rig);

    rig_start(&rig, ignore_body);
    host_send(&rig, head, strlen(head));
    expect_text(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    expect_end(&rig);
    rig_stop(&rig);
}

/* Reads without waiting, between polls. */
static void poll_body(struct berth_request *request)
{
    char text[64] = "";
    size_t used = 0;
    ssize_t got;
    while ((got = berth_request_try_read(request, text + used, sizeof(text) - used)) != 0) {
        if (got > 0) {
            used += (size_t)got;
            continue;
        }
        assert_int_equal(errno, EAGAIN);
        struct pollfd poller = {.fd = berth_connection_fd(berth_request_connection(request)),
                                .events = POLLIN};
        assert_int_equal(poll(&poller, 1, 10000), 1);
    }
    berth_response_send(request, 200, NULL, text, used);
}

static void test_read_without_waiting(void **state)
{
    (void)state;
    struct rig rig;
    const char *head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    rig_start(&rig, poll_body);
    host_send(&rig, head, strlen(head));
    expect_text(&rig, "HTTP/1.1 100 Continue\r\n\r\n");
    for (const char *byte = "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"; *byte; byte++)
        host_send(&rig, byte, 1);
    expect_text(&rig, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
    rig_stop(&rig);
}

static void tunnel(struct berth_request *request)
{
    const struct berth_header headers[] = {{HEADER("Upgrade", "echo")}, {HEADER("Connection", "upgrade")}};
    char buffer[64];
    ssize_t got;
    assert_int_equal(berth_response_start(request, 101, headers, 2, -1), 0);
    while ((got = berth_request_read(request, buffer, sizeof(buffer))) > 0)
        assert_int_equal(berth_response_write(request, buffer, (size_t)got), 0);
    assert_int_equal(got, 0);
    assert_int_equal(berth_response_write(request, "bye", 3), 0);
}

static void test_upgrade(void **state)
{
    (void)state;
    struct rig rig;
    const char *head = "GET / HTTP/1.1\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nfirst";
    rig_start(&rig, tunnel);
    host_send(&rig, head, strlen(head));
    expect_text(&rig,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nfirst");
    host_send(&rig, "GET / second", 12);
    expect_text(&rig, "GET / second");
    shutdown(rig.host, SHUT_WR);
    expect_text(&rig, "bye");
    expect_end(&rig);
    rig_stop(&rig);
}

static int cancelled_pipe[2];

static void watch_cancel(struct berth_request *request)
{
    char byte = berth_request_cancelled(request) ? 'y' : 'n';
    assert_int_equal(write(cancelled_pipe[1], &byte, 1), 1);
    while (!berth_request_cancelled(request))
        usleep(1000);
    byte = 'c';
    assert_int_equal(write(cancelled_pipe[1], &byte, 1), 1);
}

static void test_cancelled(void **state)
{
    (void)state;
    struct rig rig;
    char byte;
    const char *head = "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na";
    assert_int_equal(pipe(cancelled_pipe), 0);
    rig_start(&rig, watch_cancel);
    host_send(&rig, head, strlen(head));
    assert_int_equal(read(cancelled_pipe[0], &byte, 1), 1);
    assert_int_equal(byte, 'n');
    close(rig.host);
    rig.host = -1;
    assert_int_equal(read(cancelled_pipe[0], &byte, 1), 1);
    assert_int_equal(byte, 'c');
    rig_stop(&rig);
    close(cancelled_pipe[0]);
    close(cancelled_pipe[1]);
}

static void test_interrupt(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct rig rig;
        rig_start(&rig, ignore_body);
        if (i % 2) {
            host_send(&rig, "GET / HTTP/1.1\r\n\r\n", 18);
            expect_text(&rig, OK_2);
        }
        berth_connection_interrupt(rig.connection);
        expect_end(&rig);
        pthread_join(rig.thread, NULL);
        assert_int_equal(rig.last, 0);
        berth_connection_destroy(rig.connection);
        close(rig.host);
    }
}

/* An interrupt while a request is under way lets it finish. */
static void interrupt_self(struct berth_request *request)
{
    char byte;
    berth_connection_interrupt(berth_request_connection(request));
    assert_int_equal(berth_request_read(request, &byte, 1), 1);
    ignore_body(request);
}

static void test_interrupt_of_a_busy_one(void **state)
{
    (void)state;
    struct rig rig;
    const char *head = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n";
    rig_start(&rig, interrupt_self);
    host_send(&rig, head, strlen(head));
    host_send(&rig, "x", 1);
    expect_text(&rig, OK_2);
    expect_end(&rig);
    rig_stop(&rig);
    assert_int_equal(rig.last, 0);
}

static void test_redial_delays(void **state)
{
    (void)state;
    struct berth_redial redial = {0};
    const unsigned expected[] = {0, 20, 40, 80, 100, 100, 100};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        assert_int_equal(berth_redial_delay_ms(&redial, false), expected[i]);
    assert_int_equal(berth_redial_delay_ms(&redial, true), 0);
    assert_int_equal(berth_redial_delay_ms(&redial, false), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchanges),
        cmocka_unit_test(test_exchanges_byte_by_byte),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_large_heads),
        cmocka_unit_test(test_large_body_by_length),
        cmocka_unit_test(test_large_body_in_chunks),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_read_without_waiting),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_interrupt_of_a_busy_one),
        cmocka_unit_test(test_redial_delays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
