/* What an engine may answer, and what becomes of it: old and new versions, errors of every status, garbage,
 * answers cut short or dripping. */
#include "docker_fake.h"

static void negotiates_with_engines_old_and_new(void **state)
{
    struct fake *fake = *state;
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
        fake_open(fake, rules);
        cleanup_outcome struct outcome first, second;
        outcome_init(&first, &fake->bench);
        outcome_init(&second, &fake->bench);
        struct docker_call *calls[] = {docker_container_list(fake->bench.docker, NULL, on_list, &first),
                                       docker_container_list(fake->bench.docker, NULL, on_list, &second)};
        if (!cases[i].ping.answer) {
            docker_call_set_timeout(calls[0], 50);
            docker_call_set_timeout(calls[1], 50);
        }
        if (cases[i].reason) {
            assert_failure(&first, cases[i].reason);
            assert_failure(&second, cases[i].reason);
        } else {
            assert_success(&first);
            assert_success(&second);
            assert_non_null(strstr(strbuf_text(&fake->server.seen), cases[i].path));
            assert_int_equal(fake->server.requests, 3); /* one ping for both */
        }
    }
}

static void on_state(void *owner, const struct error *err, const struct docker_state *state)
{
    on_id(owner, err, state ? state->id : NULL);
}

static void statuses_become_errors(void **state)
{
    struct fake *fake = *state;
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
            {PING_OK("1.41")}, {"GET /v1.41/containers/n%2F1", strbuf_text(&whole), false}, {0}};
        fake_open(fake, rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_inspect(fake->bench.docker, "n/1", on_state, &outcome);
        assert_failure(&outcome, cases[i].reason);
        if (!strstr(outcome.err.message, cases[i].words))
            fail_msg("%s", outcome.err.message);
    }
}

static void cut_answers_are_errors(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/containers/short", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\":", true},
        {"GET /v1.41/containers/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"I",
         true},
        {"GET /v1.41/containers/head", "HTTP/1.1 200 OK\r\nContent-Le", true},
        {"GET /v1.41/containers/size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true},
        {0}};
    static const char *const cases[][2] = {{"short", "docker-unreachable"},
                                           {"chunk", "docker-unreachable"},
                                           {"head", "docker-unreachable"},
                                           {"size", "docker-answer"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fake_open(fake, rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_inspect(fake->bench.docker, cases[i][0], on_state, &outcome);
        assert_failure(&outcome, cases[i][1]);
    }
}

/* An engine that has gone mad costs an error, and neither memory nor the loop. */
static void answers_that_are_none_are_errors(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/containers/endless", "HTTP/1.1 200 OK\r\n", .endless = "X-More: and more\r\n"},
        {"GET /v1.41/containers/line",
         "HTTP/1.1 200 OK\r\nX-Line: ", .endless = "and more and more and more "},
        {"GET /v1.41/containers/interim", "HTTP/1.1 100 Continue\r\n\r\n",
         .endless = "HTTP/1.1 100 Continue\r\n\r\n"},
        {"GET /v1.41/containers/upgrade",
         "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw bytes", 0},
        {"GET /v1.41/containers/large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
         .endless =
             "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["},
        {"GET /v1.41/containers/old", "{\"Id\":\"n\"}", true},
        {"GET /v1.41/containers/twice",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}", 0},
        {0}};
    static const char *const names[] = {"endless", "line", "interim", "upgrade", "large", "old", "twice"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fake_open(fake, rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_inspect(fake->bench.docker, names[i], on_state, &outcome);
        assert_failure(&outcome, "docker-answer");
        assert_non_null(strstr(outcome.err.message, names[i]));
    }
}

static void an_answer_may_drip(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/containers/slow",
                                         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
                                         "chunked\r\n\r\n28;x=y\r\n{\"Id\":\"n1\",\"State\":{\"Status\":"
                                         "\"created\"}}\r\n0\r\nX-Trailer: y\r\n\r\n",
                                         .drips = true},
                                        {"GET /v1.41/containers/never", "HTTP/1.1 200 OK\r\n", .drips = true},
                                        {0}};
    fake_open(fake, rules);
    cleanup_outcome struct outcome slow, never;
    outcome_init(&slow, &fake->bench);
    outcome_init(&never, &fake->bench);
    docker_container_inspect(fake->bench.docker, "slow", on_state, &slow);
    assert_success(&slow);
    assert_string_equal(slow.id, "n1");
    docker_call_set_timeout(docker_container_inspect(fake->bench.docker, "never", on_state, &never), 50);
    assert_failure(&never, "docker-timeout");
}

static void already_started_is_success(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"POST /v1.41/containers/c/start", "HTTP/1.1 304 Not Modified\r\n\r\n", 0}, {0}};
    fake_open(fake, rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_container_start(fake->bench.docker, "c", on_done, &outcome);
    assert_success(&outcome);
}

static void a_missing_image_has_its_own_reason(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/containers/create?name=n",
         "HTTP/1.1 404 No\r\nContent-Length: 22\r\n\r\n{\"message\":\"no image\"}", 0},
        {0}};
    fake_open(fake, rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_container_create(fake->bench.docker, &(struct docker_container){.name = "n", .image = "i"}, on_id,
                            &outcome);
    assert_failure(&outcome, "image-missing");
}

/* Once the engine has begun to tell how far it is, its status is told already. */
static void a_pull_that_fails_on_its_way_is_an_error(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/images/create?fromImage=h:1/app&tag=2 ",
         "HTTP/1.1 200 OK\r\nContent-Length: 98\r\n\r\n"
         "{\"status\":\"Downloading\",\"id\":\"abc\",\"progress\":\"1/2\"}\n"
         "{\"errorDetail\":{\"message\":\"unexpected EOF\"}}\n",
         0},
        {"POST /v1.41/images/create?fromImage=app&tag=latest ",
         "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"status\":\"Got it\"}", 0},
        {0}};
    fake_open(fake, rules);
    cleanup_outcome struct outcome failed, pulled;
    outcome_init(&failed, &fake->bench);
    docker_image_pull(fake->bench.docker, "h:1/app:2", "bG9naW4=", on_progress, on_done, &failed);
    assert_failure(&failed, "docker-error");
    assert_string_equal(failed.err.message, "cannot pull image h:1/app:2: unexpected EOF");
    assert_string_equal(strbuf_text(&failed.text), "abc: Downloading 1/2\n");
    outcome_init(&pulled, &fake->bench);
    docker_image_pull(fake->bench.docker, "app", NULL, on_progress, on_done, &pulled);
    assert_success(&pulled);
    assert_string_equal(strbuf_text(&pulled.text), "Got it\n");
}

static void what_is_not_utf8_is_refused(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{0}};
    fake_open(fake, rules);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(negotiates_with_engines_old_and_new),
        FAKE_TEST(statuses_become_errors),
        FAKE_TEST(cut_answers_are_errors),
        FAKE_TEST(answers_that_are_none_are_errors),
        FAKE_TEST(an_answer_may_drip),
        FAKE_TEST(already_started_is_success),
        FAKE_TEST(a_missing_image_has_its_own_reason),
        FAKE_TEST(a_pull_that_fails_on_its_way_is_an_error),
        FAKE_TEST(what_is_not_utf8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
