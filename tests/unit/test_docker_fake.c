/* The Docker client against an engine of the test's own making, which says what real ones rarely say: old and
 * new versions, garbage, answers cut short, errors of every status, silence. */
#include "base/alloc.h"
#include "base/strbuf.h"
#include "docker_bench.h"
#include "scripted_server.h"

#include <sys/stat.h>
#include <sys/wait.h>

#define PING_OK(version)                                                                                     \
    "GET /_ping", "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK", 0

struct fake {
    struct bench bench;
    struct scripted_server server;
};

static struct fake *fake_open(const struct rule *rules)
{
    struct fake *fake = xcalloc(1, sizeof(*fake));
    server_init(&fake->server, rules);
    bench_open(&fake->bench, fake->server.path);
    fake->server.base = fake->bench.base;
    server_listen(&fake->server);
    return fake;
}

static void fake_close(struct fake *fake)
{
    docker_destroy(fake->bench.docker);
    server_clear(&fake->server);
    event_base_free(fake->bench.base);
    free(fake);
}

#define EMPTY_LIST "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"

static void negotiates_with_engines_old_and_new(void **state)
{
    (void)state;
    static const struct {
        struct rule ping;
        const char *path, *reason;
    } cases[] = {
        {{PING_OK("1.41")}, "GET /v1.41/", NULL},
        {{PING_OK("1.44")}, "GET /v1.44/", NULL},
        {{PING_OK("1.52")}, "GET /v" DOCKER_API_NEWEST "/", NULL},
        {{PING_OK("1.40")}, NULL, "docker-version"},
        {{"GET /_ping", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", false}, NULL, "docker-answer"},
        {{"GET /_ping", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", false}, NULL, "docker-error"},
        {{"GET /_ping", "SSH-2.0-hello\r\n", true}, NULL, "docker-answer"},
        {{"GET /_ping", NULL, true}, NULL, "docker-timeout"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rule rules[] = {cases[i].ping, {"GET /v", EMPTY_LIST, false}, {0}};
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome first, second;
        outcome_init(&first, &fake->bench);
        outcome_init(&second, &fake->bench);
        docker_set_timeout(fake->bench.docker, 300);
        docker_container_list(fake->bench.docker, NULL, on_list, &first);
        docker_container_list(fake->bench.docker, NULL, on_list, &second);
        if (cases[i].reason) {
            assert_failure(&first, cases[i].reason);
            assert_failure(&second, cases[i].reason);
        } else {
            assert_success(&first);
            assert_success(&second);
            assert_non_null(strstr(strbuf_text(&fake->server.seen), cases[i].path));
            assert_int_equal(fake->server.requests, 3); /* one ping for both */
        }
        fake_close(fake);
    }
}

static void statuses_become_errors(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *reason, *words;
    } cases[] = {
        {"404 Not Found\r\nContent-Length: 26\r\n\r\n{\"message\":\"No such thing\"", "not-found",
         "HTTP 404"},
        {"404 Not Found\r\nContent-Length: 27\r\n\r\n{\"message\":\"No such thing\"}", "not-found",
         "No such thing (HTTP 404)"},
        {"409 Conflict\r\nContent-Length: 18\r\n\r\n{\"message\":\"busy\"}", "conflict", "busy"},
        {"400 Bad\r\nContent-Length: 4\r\n\r\nbad\n", "docker-request", "bad (HTTP 400)"},
        {"400 Bad\r\nContent-Length: 38\r\n\r\n{\"message\":\"client version 1.2 is too\"}", "docker-version",
         "1.2"},
        {"403 No\r\nContent-Length: 2\r\n\r\nno", "docker-request", "HTTP 403"},
        {"408 Late\r\nContent-Length: 4\r\n\r\nlate", "docker-timeout", "HTTP 408"},
        {"429 Busy\r\nContent-Length: 4\r\n\r\nbusy", "docker-error", "HTTP 429"},
        {"500 No\r\nContent-Length: 0\r\n\r\n", "docker-error", "no explanation"},
        {"500 No\r\nContent-Length: 52\r\n\r\n"
         "OCI: exec: \"x\": executable file not found in $PATH: x",
         "docker-request", "not found"},
        {"500 No\r\nContent-Length: 34\r\n\r\nOCI: exec: \"/x\": permission denied", "docker-request",
         "denied"},
        {"500 No\r\nContent-Length: 31\r\n\r\n/var/lib/x: permission denied :", "docker-error", "denied"},
        {"503 No\r\nContent-Length: 2\r\n\r\n\1\2", "docker-error", "HTTP 503"},
        {"301 Moved\r\nContent-Length: 0\r\nLocation: /x\r\n\r\n", "docker-answer", "HTTP 301"},
        {"200 OK\r\nContent-Length: 3\r\n\r\n{]}", "docker-answer", "not usable"},
        {"200 OK\r\nContent-Length: 2\r\n\r\n[]", "docker-answer", "not usable"},
        {"200 OK\r\nContent-Length: 2\r\n\r\n{}", "docker-answer", "not usable"},
        {"200 OK\r\nContent-Length: 0\r\n\r\n", "docker-answer", "not usable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_strbuf struct strbuf whole;
        strbuf_init(&whole, 4096);
        strbuf_append_format(&whole, "HTTP/1.1 %s", cases[i].answer);
        struct rule rules[] = {
            {PING_OK("1.41")}, {"GET /v1.41/networks/n%2F1", strbuf_text(&whole), false}, {0}};
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_network_inspect(fake->bench.docker, "n/1", on_id, &outcome);
        assert_failure(&outcome, cases[i].reason);
        if (!strstr(outcome.err.message, cases[i].words))
            fail_msg("%s", outcome.err.message);
        fake_close(fake);
    }
}

static void cut_answers_are_errors(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/networks/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":", true},
        {"GET /v1.41/networks/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"I", true},
        {"GET /v1.41/networks/head", "HTTP/1.1 200 OK\r\nContent-Le", true},
        {"GET /v1.41/networks/size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true},
        {0}};
    static const char *const cases[][2] = {{"short", "docker-unreachable"},
                                           {"chunk", "docker-unreachable"},
                                           {"head", "docker-unreachable"},
                                           {"size", "docker-answer"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_network_inspect(fake->bench.docker, cases[i][0], on_id, &outcome);
        assert_failure(&outcome, cases[i][1]);
        fake_close(fake);
    }
}

/* An engine that has gone mad costs an error, and neither memory nor the loop. */
static void answers_that_are_none_are_errors(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/networks/endless", "HTTP/1.1 200 OK\r\n", .endless = "X-More: and more\r\n"},
        {"GET /v1.41/networks/line", "HTTP/1.1 200 OK\r\nX-Line: ", .endless = "and more and more and more "},
        {"GET /v1.41/networks/interim", "HTTP/1.1 100 Continue\r\n\r\n",
         .endless = "HTTP/1.1 100 Continue\r\n\r\n"},
        {"GET /v1.41/networks/upgrade",
         "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw bytes", 0},
        {"GET /v1.41/networks/large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
         .endless =
             "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
        {"GET /v1.41/networks/old", "{\"Id\":\"n\"}", true},
        {"GET /v1.41/networks/twice", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}",
         0},
        {0}};
    static const char *const names[] = {"endless", "line", "interim", "upgrade", "large", "old", "twice"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_network_inspect(fake->bench.docker, names[i], on_id, &outcome);
        assert_failure(&outcome, "docker-answer");
        assert_non_null(strstr(outcome.err.message, names[i]));
        fake_close(fake);
    }
}

static void an_answer_may_drip(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/networks/slow",
         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\nB;x=y\r\n{\"Id\":\"n1\"}\r\n0\r\nX-Trailer: y\r\n\r\n",
         .drips = true},
        {"GET /v1.41/networks/never", "HTTP/1.1 200 OK\r\n", .drips = true},
        {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome slow, never;
    outcome_init(&slow, &fake->bench);
    outcome_init(&never, &fake->bench);
    docker_network_inspect(fake->bench.docker, "slow", on_id, &slow);
    assert_success(&slow);
    assert_string_equal(slow.id, "n1");
    docker_call_set_timeout(docker_network_inspect(fake->bench.docker, "never", on_id, &never), 50);
    assert_failure(&never, "docker-timeout");
    fake_close(fake);
}

/* The engine says no while the tar is still on its way, and may hang up. */
static void an_upload_may_be_refused_early(void **state)
{
    (void)state;
#define NO_ROOM "HTTP/1.1 500 No\r\nContent-Length: 21\r\n\r\n{\"message\":\"no room\"}"
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/images/create?fromSrc=-&repo=stays", NO_ROOM, .early = true},
        {"POST /v1.41/images/create?fromSrc=-&repo=leaves", NO_ROOM, true, .early = true},
        {0}};
    static const char *const names[] = {"stays", "leaves"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        char tar[] = "/tmp/berth-test-tar-XXXXXX";
        int fd = mkstemp(tar);
        assert_return_code(ftruncate(fd, 64 << 20), 0);
        docker_image_import(fake->bench.docker, tar, names[i], NULL, on_id, &outcome);
        unlink(tar);
        close(fd);
        assert_failure(&outcome, "docker-error");
        assert_non_null(strstr(outcome.err.message, "no room"));
        fake_close(fake);
    }
}

static void already_started_is_success(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"POST /v1.41/containers/c/start", "HTTP/1.1 304 Not Modified\r\n\r\n", 0}, {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_container_start(fake->bench.docker, "c", on_done, &outcome);
    assert_success(&outcome);
    fake_close(fake);
}

static void a_missing_image_has_its_own_reason(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/containers/create?name=n",
         "HTTP/1.1 404 No\r\nContent-Length: 22\r\n\r\n{\"message\":\"no image\"}", 0},
        {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_container_create(fake->bench.docker, &(struct docker_container){.name = "n", .image = "i"}, on_id,
                            &outcome);
    assert_failure(&outcome, "image-missing");
    fake_close(fake);
}

static void what_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const struct rule rules[] = {{0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    struct docker_call *call = docker_container_create(
        fake->bench.docker, &(struct docker_container){.image = "\xff"}, on_id, &outcome);
    assert_non_null(call);
    assert_int_equal(outcome.ends, 0); /* never from inside the call */
    assert_failure(&outcome, "docker-request");
    docker_cancel(docker_container_create(fake->bench.docker, &(struct docker_container){.image = "\xff"},
                                          on_id, &outcome));
    bench_run(&fake->bench, 20);
    assert_int_equal(outcome.ends, 1);
    fake_close(fake);
}

static void connections_are_kept(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    struct fake *fake = fake_open(rules);
    for (int i = 0; i < 20; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_list(fake->bench.docker, (const char *const[]){"a=b", NULL}, on_list, &outcome);
        assert_success(&outcome);
    }
    assert_int_equal(fake->server.client_count, 1);
    assert_non_null(strstr(strbuf_text(&fake->server.seen), "filters=%7B%22label%22:%5B%22a%3Db%22%5D%7D"));
    fake_close(fake);
}

/* The engine closes a connection at the very moment that it is used again. */
static void a_stale_connection_is_replaced(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"POST /v1.41/containers/c/start", "HTTP/1.1 204 No Content\r\n\r\n", 0}, {0}};
    struct fake *fake = fake_open(rules);
    for (int i = 0; i < 3; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        server_drop_clients(&fake->server);
        docker_container_start(fake->bench.docker, "c", on_done, &outcome);
        assert_success(&outcome);
    }
    assert_int_equal(fake->server.requests, 4); /* the version was asked for once */
    fake_close(fake);
}

/* An answer that goes on behind its end leaves a connection that no other call is trusted to. */
static void interim_answers_are_passed_over_and_overlong_ones_end_the_connection(void **state)
{
    (void)state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/containers/json",
                                         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                                         "2\r\n\r\n[]HTTP/1.1 200 OK\r\n",
                                         0},
                                        {0}};
    struct fake *fake = fake_open(rules);
    for (unsigned i = 1; i <= 3; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
        assert_success(&outcome);
        assert_int_equal(fake->server.client_count, i);
    }
    fake_close(fake);
}

/* While the backlog is full nobody can connect; the call waits for that to pass. */
static void a_full_backlog_is_waited_for(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    struct fake *fake = fake_open(rules);
    evconnlistener_disable(fake->server.listener);
    assert_return_code(listen(evconnlistener_get_fd(fake->server.listener), 0), 0);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake->server.path);
    int filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(filler, (struct sockaddr *)&address, sizeof(address)), 0);
    docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
    bench_run(&fake->bench, 30);
    assert_int_equal(outcome.ends, 0);
    evconnlistener_enable(fake->server.listener);
    assert_success(&outcome);
    close(filler);
    fake_close(fake);
}

static void a_silent_engine_times_out(void **state)
{
    (void)state;
    static const struct rule rules[] = {{PING_OK("1.41")}, {"GET /v1.41/containers/json", NULL, 0}, {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome, other;
    outcome_init(&outcome, &fake->bench);
    outcome_init(&other, &fake->bench);
    docker_call_set_timeout(docker_container_list(fake->bench.docker, NULL, on_list, &outcome), 50);
    assert_failure(&outcome, "docker-timeout");

    struct docker_call *call = docker_container_list(fake->bench.docker, NULL, on_list, &other);
    bench_run(&fake->bench, 30);
    docker_cancel(call);
    bench_run(&fake->bench, 30);
    assert_int_equal(other.ends, 0);
    fake_close(fake);
}

static void an_absent_engine_is_reported_and_found_again(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    static const struct rule newer[] = {
        {PING_OK("1.43")}, {"GET /v1.43/containers/json", EMPTY_LIST, 0}, {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome up, down, gone, again;
    outcome_init(&up, &fake->bench);
    outcome_init(&down, &fake->bench);
    outcome_init(&gone, &fake->bench);
    outcome_init(&again, &fake->bench);
    docker_container_list(fake->bench.docker, NULL, on_list, &up);
    assert_success(&up);

    evconnlistener_free(fake->server.listener);
    fake->server.listener = NULL;
    server_drop_clients(&fake->server);
    docker_container_list(fake->bench.docker, NULL, on_list, &down);
    assert_failure(&down, "docker-unreachable");
    assert_non_null(strstr(down.err.hint, "dockerd"));
    unlink(fake->server.path);
    docker_ping(fake->bench.docker, on_done, &gone);
    assert_failure(&gone, "docker-unreachable");

    fake->server.rules = newer; /* it was upgraded meanwhile */
    server_listen(&fake->server);
    docker_container_list(fake->bench.docker, NULL, on_list, &again);
    assert_success(&again);
    assert_string_equal(docker_api_version(fake->bench.docker), "1.43");
    fake_close(fake);
}

/* Permissions do not hold root back, so the client runs as another user, in a process of its own. */
static void a_closed_socket_has_its_own_hint(void **state)
{
    (void)state;
    static const struct rule rules[] = {{0}};
    struct fake *fake = fake_open(rules);
    assert_int_equal(chmod(fake->server.path, 0600), 0);
    assert_int_equal(chmod(fake->server.folder, 0755), 0);
    pid_t child = fork();
    if (child == 0) {
        struct bench bench;
        struct outcome outcome;
        if (geteuid() == 0 && seteuid(65534) < 0)
            _exit(2);
        bench_open(&bench, fake->server.path);
        outcome_init(&outcome, &bench);
        docker_ping(bench.docker, on_done, &outcome);
        bench_run(&bench, 5000);
        _exit(outcome.failed && outcome.err.code == ERROR_DOCKER_PERMISSION ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (geteuid() == 0)
        assert_int_equal(status, 0);
    fake_close(fake);
}

#define STREAM_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void on_opened(void *owner)
{
    struct outcome *outcome = owner;
    strbuf_append_text(&outcome->text, "opened\n");
}

static const struct docker_events_callbacks events_callbacks = {on_opened, on_event, on_done};

static void event_streams_report_their_end(void **state)
{
    (void)state;
    static const char die[] =
        "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\",\"Attributes\":{\"exitCode\":"
        "\"3\",\"name\":\"n\"}},\"time\":1}\n";
    static const struct {
        const char *tail, *reason;
    } cases[] = {
        {"0\r\n\r\n", "docker-unreachable"},
        {"", "docker-unreachable"},
        {"4\r\n{\"a\"", "docker-unreachable"},
        {"5\r\nhello\r\n1\r\n\n\r\n", "docker-answer"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_strbuf struct strbuf whole;
        strbuf_init(&whole, 4096);
        strbuf_append_format(&whole, "%s%x\r\n%s\r\n%s", STREAM_HEAD, (unsigned)strlen(die), die,
                             cases[i].tail);
        struct rule rules[] = {
            {PING_OK("1.41")}, {"GET /v1.41/events?filters=", strbuf_text(&whole), true}, {0}};
        struct fake *fake = fake_open(rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_events_follow(fake->bench.docker, (const char *const[]){"berth.host=x", NULL}, 0,
                             &events_callbacks, &outcome);
        assert_failure(&outcome, cases[i].reason);
        assert_string_equal(strbuf_text(&outcome.text), "opened\ndie n 3\n");
        fake_close(fake);
    }
}

static void a_refused_stream_is_not_opened(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/events", "HTTP/1.1 500 No\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}", 0},
        {"GET /v1.41/containers/c/logs", "HTTP/1.1 404 No\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}",
         0},
        {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome events, logs;
    outcome_init(&events, &fake->bench);
    outcome_init(&logs, &fake->bench);
    docker_events_follow(fake->bench.docker, NULL, 0, &events_callbacks, &events);
    docker_container_logs(fake->bench.docker, "c", &(struct docker_logs){.tail = -1}, on_line, on_done,
                          &logs);
    assert_failure(&events, "docker-error");
    assert_failure(&logs, "not-found");
    assert_int_equal(events.text.length + logs.text.length, 0);
    fake_close(fake);
}

/* Cancels the stream it comes from, and starts a call, both while curl is on the stack. */
struct meddler {
    struct docker *docker;
    struct docker_call *stream;
    struct outcome *next;
    unsigned events;
};

static void meddle(void *owner, const struct docker_event *event)
{
    (void)event;
    struct meddler *meddler = owner;
    meddler->events++;
    docker_cancel(meddler->stream);
    docker_container_list(meddler->docker, NULL, on_list, meddler->next);
}

static void never_done(void *owner, const struct error *err)
{
    (void)owner;
    fail_msg("a cancelled call ended: %s", err ? err->message : "success");
}

static void callbacks_may_cancel_and_start(void **state)
{
    (void)state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/events",
                                         STREAM_HEAD "44\r\n{\"Action\":\"a\",\"Actor\":{\"ID\":\"1\"}}\n{"
                                                     "\"Action\":\"b\",\"Actor\":{\"ID\":\"2\"}}\n\r\n",
                                         0},
                                        {"GET /v1.41/containers/json", EMPTY_LIST, 0},
                                        {0}};
    static const struct docker_events_callbacks callbacks = {NULL, meddle, never_done};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome next;
    outcome_init(&next, &fake->bench);
    struct meddler meddler = {.docker = fake->bench.docker, .next = &next};
    meddler.stream = docker_events_follow(fake->bench.docker, NULL, 0, &callbacks, &meddler);
    assert_success(&next);
    assert_int_equal(meddler.events, 1);
    fake_close(fake);
}

static void networks_are_ensured(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/networks/there", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"Id\":\"n1\"}", 0},
        {"GET /v1.41/networks/absent", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 0},
        {"POST /v1.41/networks/create", "HTTP/1.1 201 Created\r\nContent-Length: 11\r\n\r\n{\"Id\":\"n2\"}",
         0},
        {0}};
    static const struct rule raced[] = {
        {"GET /v1.41/networks/absent", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 0},
        {"POST /v1.41/networks/create", "HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n", 0},
        {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome there, made, lost;
    outcome_init(&there, &fake->bench);
    outcome_init(&made, &fake->bench);
    outcome_init(&lost, &fake->bench);
    docker_network_ensure(fake->bench.docker, &(struct docker_network){.name = "there"}, on_id, &there);
    docker_network_ensure(fake->bench.docker, &(struct docker_network){.name = "absent"}, on_id, &made);
    assert_success(&there);
    assert_success(&made);
    assert_string_equal(there.id, "n1");
    assert_string_equal(made.id, "n2");

    fake->server.rules = raced; /* taken in between, and gone again: the last answer counts */
    docker_network_ensure(fake->bench.docker, &(struct docker_network){.name = "absent"}, on_id, &lost);
    assert_failure(&lost, "not-found");
    fake_close(fake);
}

static void builds_report_the_failing_step(void **state)
{
    (void)state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/build?version=1&",
         "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
         "{\"stream\":\"Step 1/2 : FROM x\\n\"}\r\n{\"stream\":\"half \"}\r\n{\"stream\":\"line\\n\\nStep "
         "2/2 : RUN no\\n\"}\r\n"
         "{\"errorDetail\":{\"code\":1,\"message\":\"returned 1\"},\"error\":\"e\"}\r\n",
         true},
        {0}};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome, absent;
    outcome_init(&outcome, &fake->bench);
    outcome_init(&absent, &fake->bench);
    char context[] = "/tmp/berth-test-context-XXXXXX";
    assert_non_null(mkdtemp(context));
    struct docker_build build = {.context = context, .tag = "t:1"};
    docker_image_build(fake->bench.docker, &build, on_progress, on_id, &outcome);
    assert_failure(&outcome, "build-failed");
    assert_non_null(strstr(outcome.err.message, "t:1: Step 2/2 : RUN no: returned 1"));
    assert_string_equal(strbuf_text(&outcome.text), "Step 1/2 : FROM x\nhalf line\nStep 2/2 : RUN no\n");

    rmdir(context);
    docker_image_build(fake->bench.docker, &build, on_progress, on_id, &absent);
    assert_failure(&absent, "build-context");
    fake_close(fake);
}

/* Whatever is under way when the client goes, goes silently with it. */
static void destroying_cancels_everything(void **state)
{
    (void)state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/events", STREAM_HEAD, 0},
                                        {"GET /v1.41/containers/json", NULL, 0},
                                        {0}};
    static const struct docker_events_callbacks callbacks = {NULL, on_event, never_done};
    struct fake *fake = fake_open(rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_events_follow(fake->bench.docker, NULL, 0, &callbacks, &outcome);
    docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
    bench_run(&fake->bench, 50);
    docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
    fake_close(fake);
    assert_int_equal(outcome.ends, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(negotiates_with_engines_old_and_new),
        cmocka_unit_test(statuses_become_errors),
        cmocka_unit_test(cut_answers_are_errors),
        cmocka_unit_test(answers_that_are_none_are_errors),
        cmocka_unit_test(an_answer_may_drip),
        cmocka_unit_test(an_upload_may_be_refused_early),
        cmocka_unit_test(already_started_is_success),
        cmocka_unit_test(a_missing_image_has_its_own_reason),
        cmocka_unit_test(what_is_not_utf8_is_refused),
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(a_stale_connection_is_replaced),
        cmocka_unit_test(interim_answers_are_passed_over_and_overlong_ones_end_the_connection),
        cmocka_unit_test(a_full_backlog_is_waited_for),
        cmocka_unit_test(a_silent_engine_times_out),
        cmocka_unit_test(an_absent_engine_is_reported_and_found_again),
        cmocka_unit_test(a_closed_socket_has_its_own_hint),
        cmocka_unit_test(event_streams_report_their_end),
        cmocka_unit_test(a_refused_stream_is_not_opened),
        cmocka_unit_test(callbacks_may_cancel_and_start),
        cmocka_unit_test(networks_are_ensured),
        cmocka_unit_test(builds_report_the_failing_step),
        cmocka_unit_test(destroying_cancels_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
