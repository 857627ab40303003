/* Outgoing requests against a server of the test's own making. What answers do to the Docker client is in
 * test_docker_answers.c. */
#include "base/strbuf.h"
#include "outgoing/outgoing.h"
#include "scripted_server.h"

#include <errno.h>

#define GUARD_S 60 /* a test that waits longer has failed */

struct bench {
    struct event_base *base;
    struct outgoing *client;
    struct scripted_server server;
};

/* One request and what its callbacks have left behind. */
struct probe {
    struct bench *bench;
    struct outgoing_request *request;
    struct outgoing_end end;
    unsigned ends;
    char type[32]; /* header Content-Type */
    struct strbuf seen; /* "<status> <body>" */
    const char *body; /* what is left to send */
    int (*meddle)(struct probe *probe); /* called from body() */
    struct probe *other;
};

static void bench_open(struct bench *bench, const struct rule *rules)
{
    struct error err;
    bench->base = event_base_new();
    assert_non_null(bench->base);
    server_init(&bench->server, rules);
    bench->server.base = bench->base;
    server_listen(&bench->server);
    assert_int_equal(outgoing_create(bench->base, &bench->client, &err), 0);
}

static void bench_close(struct bench *bench)
{
    outgoing_destroy(bench->client);
    server_clear(&bench->server);
    event_base_free(bench->base);
}

static void bench_run(struct bench *bench, unsigned limit_ms)
{
    struct timeval limit = {.tv_sec = limit_ms / 1000, .tv_usec = limit_ms % 1000 * 1000};
    event_base_loopexit(bench->base, &limit);
    event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static int on_head(void *owner, int status)
{
    struct probe *probe = owner;
    const char *type = outgoing_header(probe->request, "content-type");
    snprintf(probe->type, sizeof(probe->type), "%s", type ? type : "");
    strbuf_append_format(&probe->seen, "%d ", status);
    return 0;
}

static int on_body(void *owner, const char *bytes, size_t size)
{
    struct probe *probe = owner;
    strbuf_append(&probe->seen, bytes, size);
    return probe->meddle ? probe->meddle(probe) : 0;
}

static int on_send(void *owner, char *buffer, size_t size, size_t *ret_length)
{
    struct probe *probe = owner;
    assert_true(size > 0);
    *ret_length = *probe->body ? 1 : 0;
    if (*probe->body)
        *buffer = *probe->body++;
    return 0;
}

static void on_done(void *owner, const struct outgoing_end *end)
{
    struct probe *probe = owner;
    outgoing_cancel(probe->request); /* harmless at this point */
    probe->end = *end;
    probe->ends++;
    event_base_loopbreak(probe->bench->base);
}

static const struct outgoing_callbacks callbacks = {.head = on_head, .body = on_body, .done = on_done};
static const struct outgoing_callbacks sending = {
    .head = on_head, .body = on_body, .send = on_send, .done = on_done};
static const struct outgoing_callbacks only_done = {.done = on_done};

static void probe_init(struct probe *probe, struct bench *bench)
{
    *probe = (struct probe){.bench = bench};
    strbuf_init(&probe->seen, 1 << 20);
}

static void probe_clear(struct probe *probe)
{
    strbuf_clear(&probe->seen);
}

#define cleanup_probe __attribute__((cleanup(probe_clear)))

/* Starts what `spec` says, over the bench's socket unless it has a host of its own. */
static void start(struct probe *probe, struct outgoing_spec spec)
{
    if (!spec.url)
        spec.url = "http://unit.test/path";
    if (!spec.socket_path && strstr(spec.url, "unit.test"))
        spec.socket_path = probe->bench->server.path;
    if (!spec.callbacks)
        spec.callbacks = &callbacks;
    if (spec.connect_ms == 0)
        spec.connect_ms = 5000;
    spec.owner = probe;
    probe->request = outgoing_start(probe->bench->client, &spec);
    assert_non_null(probe->request);
    assert_int_equal(probe->ends, 0);
}

static void await(struct probe *probe, enum outgoing_outcome outcome)
{
    for (unsigned tries = 0; probe->ends == 0 && tries < GUARD_S * 10; tries++)
        bench_run(probe->bench, 100);
    assert_int_equal(probe->ends, 1);
    if (probe->end.outcome != outcome)
        fail_msg("ended with %d: %s", probe->end.outcome, probe->end.text);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nContent-Length: 2\r\n\r\nok"

static void requests_are_sent_as_asked(void **state)
{
    (void)state;
    static const struct rule rules[] = {{"HEAD ", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"},
                                        {"POST /chunked", OK_ANSWER},
                                        {"", OK_ANSWER},
                                        {0}};
    static const struct {
        const char *method, *url, *body, *sent, *answer;
    } cases[] = {
        {"GET", "http://unit.test/a/../b?c=%2F#d", NULL, NULL, "200 ok"},
        {"HEAD", "http://unit.test/h", NULL, NULL, "200 "},
        {"PUT", "http://unit.test/p", "put this", NULL, "200 ok"},
        {"POST", "http://unit.test/", "", NULL, "200 ok"},
        {"DELETE", "http://unit.test/d", NULL, NULL, "200 ok"},
        {"POST", "http://unit.test/chunked", NULL, "piece by piece", "200 ok"},
    };
    struct bench bench;
    bench_open(&bench, rules);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_probe struct probe probe;
        probe_init(&probe, &bench);
        probe.body = cases[i].sent;
        start(&probe, (struct outgoing_spec){.method = cases[i].method,
                                             .url = cases[i].url,
                                             .body = cases[i].body,
                                             .body_size = cases[i].body ? strlen(cases[i].body) : 0,
                                             .callbacks = cases[i].sent ? &sending : NULL});
        await(&probe, OUTGOING_ANSWERED);
        assert_string_equal(strbuf_text(&probe.seen), cases[i].answer);
        assert_string_equal(probe.type, strcmp(cases[i].method, "HEAD") == 0 ? "" : "text/x");
    }
    assert_string_equal(strbuf_text(&bench.server.seen),
                        "GET /a/../b?c=%2F HTTP/1.1\nHEAD /h HTTP/1.1\nPUT /p HTTP/1.1\nPOST / HTTP/1.1\n"
                        "DELETE /d HTTP/1.1\nPOST /chunked HTTP/1.1\n");
    assert_string_equal(strbuf_text(&bench.server.bodies), "put this\n\n");
    assert_int_equal(bench.server.client_count, 2); /* a body in pieces has a connection of its own */
    bench_close(&bench);
}

static void nothing_is_added_to_exact_requests(void **state)
{
    (void)state;
    static const struct rule rules[] = {{"", OK_ANSWER}, {0}};
    static const char *const few[] = {"Host: of.mine", "X-Empty:", "X-Blank: ", NULL};
    static const char *const usual[] = {"accept: a/b", "content-type: c/d", NULL};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe plain, typed;
    probe_init(&plain, &bench);
    probe_init(&typed, &bench);
    start(&plain, (struct outgoing_spec){.method = "POST",
                                         .target = "/a b/../%7b?{c}#d",
                                         .headers = few,
                                         .exact = true,
                                         .body = "abc",
                                         .body_size = 3});
    await(&plain, OUTGOING_ANSWERED);
    start(&typed, (struct outgoing_spec){.method = "PUT", .headers = usual, .exact = true, .body = ""});
    await(&typed, OUTGOING_ANSWERED);
    assert_string_equal(strbuf_text(&bench.server.heads),
                        "POST /a b/../%7b?{c}#d HTTP/1.1\r\nHost: of.mine\r\nX-Empty:\r\nX-Blank:\r\n"
                        "Content-Length: 3\r\n\r\n"
                        "PUT /path HTTP/1.1\r\nHost: unit.test\r\naccept: a/b\r\ncontent-type: c/d\r\n"
                        "Content-Length: 0\r\n\r\n");
    bench_close(&bench);
}

static void a_body_of_known_length_is_sent_with_it(void **state)
{
    (void)state;
    static const struct rule rules[] = {{"POST /", OK_ANSWER}, {0}};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe probe;
    probe_init(&probe, &bench);
    probe.body = "piece by piece";
    start(&probe, (struct outgoing_spec){.method = "POST", .send_size = 14, .callbacks = &sending});
    await(&probe, OUTGOING_ANSWERED);
    assert_string_equal(strbuf_text(&bench.server.bodies), "piece by piece\n");
    bench_close(&bench);
}

static void note_header(void *context, const char *name, const char *value)
{
    strbuf_append_format(context, "%s=%s\n", name, value);
}

static int on_head_with_all(void *owner, int status)
{
    struct probe *probe = owner;
    (void)status;
    outgoing_each_header(probe->request, note_header, &probe->seen);
    return 0;
}

static void every_header_of_an_answer_is_told(void **state)
{
    (void)state;
    static const struct outgoing_callbacks all_headers = {.head = on_head_with_all, .done = on_done};
    static const struct rule rules[] = {
        {"GET /", "HTTP/1.1 100 Continue\r\nA: not\r\n\r\nHTTP/1.1 200 OK\r\nB: 1\r\nSet-Cookie: c=d\r\n"
                  "set-cookie: e=f\r\nContent-Length: 0\r\n\r\n"},
        {0}};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe probe;
    probe_init(&probe, &bench);
    start(&probe, (struct outgoing_spec){.method = "GET", .callbacks = &all_headers});
    await(&probe, OUTGOING_ANSWERED);
    assert_string_equal(strbuf_text(&probe.seen), "B=1\nSet-Cookie=c=d\nset-cookie=e=f\nContent-Length=0\n");
    bench_close(&bench);
}

/* Neither where an answer points to, nor what the environment says, leads a request astray. */
static void requests_go_nowhere_else(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {"GET /", "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"}, {0}};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe moved, file;
    probe_init(&moved, &bench);
    probe_init(&file, &bench);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    start(&moved, (struct outgoing_spec){.method = "GET"});
    await(&moved, OUTGOING_ANSWERED);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_string_equal(strbuf_text(&moved.seen), "302 ");
    assert_int_equal(bench.server.requests, 1);
    start(&file, (struct outgoing_spec){.method = "GET", .url = "file:///etc/passwd"});
    await(&file, OUTGOING_MALFORMED);
    assert_int_equal(file.seen.length, 0);
    bench_close(&bench);
}

static void what_cannot_be_reached_is_said_why(void **state)
{
    (void)state;
    static const struct rule rules[] = {{0}};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe absent, refused;
    probe_init(&absent, &bench);
    probe_init(&refused, &bench);
    start(&absent, (struct outgoing_spec){.method = "GET", .socket_path = "/nonexistent/socket"});
    await(&absent, OUTGOING_UNREACHABLE);
    assert_int_equal(absent.end.errnum, ENOENT);
    start(&refused, (struct outgoing_spec){.method = "GET", .url = "http://127.0.0.1:1/"});
    await(&refused, OUTGOING_UNREACHABLE);
    assert_int_equal(refused.end.errnum, ECONNREFUSED);
    bench_close(&bench);
}

static void time_is_limited(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {"GET /silent", NULL}, {"GET /slow", "HTTP/1.1 200 OK\r\n\r\n", .endless = "."}, {0}};
    static const char *const urls[] = {"http://unit.test/silent", "http://unit.test/slow"};
    struct bench bench;
    bench_open(&bench, rules);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        cleanup_probe struct probe probe;
        probe_init(&probe, &bench);
        start(&probe, (struct outgoing_spec){
                          .method = "GET", .url = urls[i], .timeout_ms = 50, .callbacks = &only_done});
        await(&probe, OUTGOING_TIMED_OUT);
    }
    bench_close(&bench);
}

/* Nobody can connect while the backlog is full: that is waited for, but not for ever. */
static void a_full_backlog_is_waited_for(void **state)
{
    (void)state;
    static const struct rule rules[] = {{"GET /", OK_ANSWER}, {0}};
    struct bench bench;
    bench_open(&bench, rules);
    evconnlistener_disable(bench.server.listener);
    assert_return_code(listen(evconnlistener_get_fd(bench.server.listener), 0), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench.server.path);
    int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(filler, (struct sockaddr *)&address, sizeof(address)), 0);
    cleanup_probe struct probe patient, hasty;
    probe_init(&patient, &bench);
    probe_init(&hasty, &bench);
    start(&patient, (struct outgoing_spec){.method = "GET"});
    start(&hasty, (struct outgoing_spec){.method = "GET", .connect_ms = 30});
    await(&hasty, OUTGOING_TIMED_OUT);
    assert_int_equal(patient.ends, 0);
    evconnlistener_enable(bench.server.listener);
    await(&patient, OUTGOING_ANSWERED);
    close(filler);
    bench_close(&bench);
}

static int refuse(struct probe *probe)
{
    (void)probe;
    return -1;
}

static int cancel_itself(struct probe *probe)
{
    outgoing_cancel(probe->request);
    return 0;
}

static int cancel_other(struct probe *probe)
{
    outgoing_cancel(probe->other->request);
    return 0;
}

static int start_other(struct probe *probe)
{
    start(probe->other, (struct outgoing_spec){.method = "GET", .url = "http://unit.test/other"});
    return 0;
}

/* What callbacks do while curl is on the stack. */
static void callbacks_may_break_off_cancel_and_start(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {"GET /path", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n"},
        {"GET /other", OK_ANSWER},
        {"GET /silent", NULL},
        {0}};
    struct bench bench;
    bench_open(&bench, rules);
    cleanup_probe struct probe refusing, cancelling, meddling, starting, silent, other;
    struct probe *const all[] = {&refusing, &cancelling, &meddling, &starting, &silent, &other};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        probe_init(all[i], &bench);
    refusing.meddle = refuse;
    cancelling.meddle = cancel_itself;
    meddling.meddle = cancel_other;
    meddling.other = &silent;
    starting.meddle = start_other;
    starting.other = &other;
    start(&silent, (struct outgoing_spec){.method = "GET", .url = "http://unit.test/silent"});
    bench_run(&bench, 20);
    start(&refusing, (struct outgoing_spec){.method = "GET"});
    start(&cancelling, (struct outgoing_spec){.method = "GET"});
    start(&meddling, (struct outgoing_spec){.method = "GET"});
    start(&starting, (struct outgoing_spec){.method = "GET"});
    await(&refusing, OUTGOING_STOPPED);
    await(&other, OUTGOING_ANSWERED);
    bench_run(&bench, 20);
    assert_int_equal(bench.server.requests, 6);
    assert_int_equal(cancelling.ends + silent.ends, 0);
    assert_int_equal(meddling.ends + starting.ends, 0); /* their answers have no end */
    outgoing_cancel(meddling.request);
    bench_close(&bench);
    assert_int_equal(meddling.ends + starting.ends, 0);
}

/* A request may be given up at any point: before it has begun, on its way, while it waits. */
static void cancelled_requests_are_silent(void **state)
{
    (void)state;
    static const struct rule rules[] = {{"GET /", OK_ANSWER}, {0}};
    struct bench bench;
    bench_open(&bench, rules);
    for (unsigned turns = 0; turns < 6; turns++) {
        cleanup_probe struct probe probe;
        probe_init(&probe, &bench);
        start(&probe, (struct outgoing_spec){.method = "GET"});
        for (unsigned turn = 0; turn < turns; turn++)
            event_base_loop(bench.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
        if (probe.ends == 0)
            outgoing_cancel(probe.request);
        unsigned ends = probe.ends;
        bench_run(&bench, 5);
        assert_int_equal(probe.ends, ends);
    }
    outgoing_cancel(NULL);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_sent_as_asked),
        cmocka_unit_test(nothing_is_added_to_exact_requests),
        cmocka_unit_test(a_body_of_known_length_is_sent_with_it),
        cmocka_unit_test(every_header_of_an_answer_is_told),
        cmocka_unit_test(requests_go_nowhere_else),
        cmocka_unit_test(what_cannot_be_reached_is_said_why),
        cmocka_unit_test(time_is_limited),
        cmocka_unit_test(a_full_backlog_is_waited_for),
        cmocka_unit_test(callbacks_may_break_off_cancel_and_start),
        cmocka_unit_test(cancelled_requests_are_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
