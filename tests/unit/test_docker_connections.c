/* The connections to the engine: kept, lost, refused, waited for. */
#include "docker_fake.h"

#include <sys/stat.h>
#include <sys/wait.h>

static void connections_are_kept(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    fake_open(fake, rules);
    for (int i = 0; i < 20; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_list(fake->bench.docker, (const char *const[]){"a=b", NULL}, on_list, &outcome);
        assert_success(&outcome);
    }
    assert_int_equal(fake->server.client_count, 1);
    assert_non_null(strstr(strbuf_text(&fake->server.seen), "filters=%7B%22label%22:%5B%22a%3Db%22%5D%7D"));
}

/* The engine closes a connection at the very moment that it is used again. */
static void a_stale_connection_is_replaced(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"POST /v1.41/containers/c/start", "HTTP/1.1 204 No Content\r\n\r\n", 0}, {0}};
    fake_open(fake, rules);
    for (int i = 0; i < 3; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        server_drop_clients(&fake->server);
        docker_container_start(fake->bench.docker, "c", on_done, &outcome);
        assert_success(&outcome);
    }
    assert_int_equal(fake->server.requests, 4); /* the version was asked for once */
}

/* An answer that goes on behind its end leaves a connection that no other call is trusted to. */
static void interim_answers_are_passed_over_and_overlong_ones_end_the_connection(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{PING_OK("1.41")},
                                        {"GET /v1.41/containers/json",
                                         "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
                                         "2\r\n\r\n[]HTTP/1.1 200 OK\r\n",
                                         0},
                                        {0}};
    fake_open(fake, rules);
    for (unsigned i = 1; i <= 3; i++) {
        cleanup_outcome struct outcome outcome;
        outcome_init(&outcome, &fake->bench);
        docker_container_list(fake->bench.docker, NULL, on_list, &outcome);
        assert_success(&outcome);
        assert_int_equal(fake->server.client_count, i);
    }
}

/* While the backlog is full nobody can connect; the call waits for that to pass. */
static void a_full_backlog_is_waited_for(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    fake_open(fake, rules);
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
}

static void a_silent_engine_times_out(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{PING_OK("1.41")}, {"GET /v1.41/containers/json", NULL, 0}, {0}};
    fake_open(fake, rules);
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
}

static void an_absent_engine_is_reported_and_found_again(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {
        {PING_OK("1.41")}, {"GET /v1.41/containers/json", EMPTY_LIST, 0}, {0}};
    static const struct rule newer[] = {
        {PING_OK("1.43")}, {"GET /v1.43/containers/json", EMPTY_LIST, 0}, {0}};
    fake_open(fake, rules);
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
}

/* Permissions do not hold root back, so the client runs as another user, in a process of its own. */
static void a_closed_socket_has_its_own_hint(void **state)
{
    struct fake *fake = *state;
    static const struct rule rules[] = {{0}};
    fake_open(fake, rules);
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
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FAKE_TEST(connections_are_kept),
        FAKE_TEST(a_stale_connection_is_replaced),
        FAKE_TEST(interim_answers_are_passed_over_and_overlong_ones_end_the_connection),
        FAKE_TEST(a_full_backlog_is_waited_for),
        FAKE_TEST(a_silent_engine_times_out),
        FAKE_TEST(an_absent_engine_is_reported_and_found_again),
        FAKE_TEST(a_closed_socket_has_its_own_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
