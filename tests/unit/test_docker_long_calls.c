/* Calls that are more than a request and its answer: streams, uploads, several requests, and their end ahead
 * of time. */
#include "docker_fake.h"

#include <fcntl.h>
#include <sys/stat.h>

static void on_opened(void *owner)
{
    struct outcome *outcome = owner;
    strbuf_append_text(&outcome->text, "opened\n");
}

static const struct docker_events_callbacks events_callbacks = {on_opened, on_event, on_done};

static void event_streams_report_their_end(void **state)
{
    struct fake *fake = *state;
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
        fake_open(fake, rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_events_follow(fake->bench.docker, (const char *const[]){"berth.host=x", NULL}, 0,
                             &events_callbacks, &outcome);
        assert_failure(&outcome, cases[i].reason);
        assert_string_equal(strbuf_text(&outcome.text), "opened\ndie n 3\n");
    }
}

static void a_refused_stream_is_not_opened(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"GET /v1.41/events", "HTTP/1.1 500 No\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}", 0},
        {"GET /v1.41/containers/c/logs", "HTTP/1.1 404 No\r\nContent-Length: 16\r\n\r\n{\"message\":\"no\"}",
         0},
        {0}};
    fake_open(fake, rules);
    cleanup_outcome struct outcome events, logs;
    outcome_init(&events, &fake->bench);
    outcome_init(&logs, &fake->bench);
    docker_events_follow(fake->bench.docker, NULL, 0, &events_callbacks, &events);
    docker_container_logs(fake->bench.docker, "c", &(struct docker_logs){.tail = -1}, on_line, on_done,
                          &logs);
    assert_failure(&events, "docker-error");
    assert_failure(&logs, "not-found");
    assert_int_equal(events.text.length + logs.text.length, 0);
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

static void callbacks_may_cancel_and_start(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/events",
                                         STREAM_HEAD "44\r\n{\"Action\":\"a\",\"Actor\":{\"ID\":\"1\"}}\n{"
                                                     "\"Action\":\"b\",\"Actor\":{\"ID\":\"2\"}}\n\r\n",
                                         0},
                                        {"GET /v1.41/containers/json", EMPTY_LIST, 0},
                                        {0}};
    static const struct docker_events_callbacks callbacks = {NULL, meddle, never_done};
    fake_open(fake, rules);
    cleanup_outcome struct outcome next;
    outcome_init(&next, &fake->bench);
    struct meddler meddler = {.docker = fake->bench.docker, .next = &next};
    meddler.stream = docker_events_follow(fake->bench.docker, NULL, 0, &callbacks, &meddler);
    assert_success(&next);
    assert_int_equal(meddler.events, 1);
}

static void networks_are_ensured(void **state)
{
    struct fake *fake = *state;
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
    fake_open(fake, rules);
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
}

/* The engine says no while the build's context is still on its way, and may hang up. */
static void an_upload_may_be_refused_early(void **state)
{
    struct fake *fake = *state;
#define NO_ROOM "HTTP/1.1 500 No\r\nContent-Length: 21\r\n\r\n{\"message\":\"no room\"}"
#define BUILD   "POST /v1.41/build?version=1&rm=1&forcerm=1&t="
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {BUILD "stays", NO_ROOM, .early = true},
                                        {BUILD "leaves", NO_ROOM, true, .early = true},
                                        {0}};
    static const char *const names[] = {"stays", "leaves"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        fake_open(fake, rules);
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        char context[] = "/tmp/berth-test-context-XXXXXX", path[64];
        assert_non_null(mkdtemp(context));
        snprintf(path, sizeof(path), "%s/big", context);
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
        assert_return_code(ftruncate(fd, 32 << 20), 0);
        close(fd);
        struct docker_build build = {.context = context, .tag = names[i]};
        docker_image_build(fake->bench.docker, &build, on_progress, on_id, &outcome);
        await_end(&outcome);
        unlink(path);
        rmdir(context);
        assert_failure(&outcome, "docker-error");
        assert_non_null(strstr(outcome.err.message, "no room"));
    }
}

static void builds_report_the_failing_step(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")},
        {"POST /v1.41/build?version=1&",
         "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
         "{\"stream\":\"Step 1/2 : FROM x\\n\"}\r\n{\"stream\":\"half \"}\r\n{\"stream\":\"line\\n\\nStep "
         "2/2 : RUN no\\n\"}\r\n"
         "{\"errorDetail\":{\"code\":1,\"message\":\"returned 1\"},\"error\":\"e\"}\r\n",
         true},
        {0}};
    fake_open(fake, rules);
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
}

/* Whatever is under way when the client goes, goes silently with it. */
static void destroying_cancels_everything(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/events", STREAM_HEAD, 0},
                                        {"GET /v1.41/containers/json", NULL, 0},
                                        {0}};
    static const struct docker_events_callbacks callbacks = {NULL, on_event, never_done};
    fake_open(fake, rules);
    cleanup_outcome struct outcome outcome;
    outcome_init(&outcome, &fake->bench);
    docker_events_follow(fake->bench.docker, NULL, 0, &callbacks, &outcome);
    docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
    bench_run(&fake->bench, 50);
    docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
    assert_int_equal(outcome.ends, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(event_streams_report_their_end), FAKE_TEST(a_refused_stream_is_not_opened),
        FAKE_TEST(callbacks_may_cancel_and_start), FAKE_TEST(networks_are_ensured),
        FAKE_TEST(an_upload_may_be_refused_early), FAKE_TEST(builds_report_the_failing_step),
        FAKE_TEST(destroying_cancels_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
