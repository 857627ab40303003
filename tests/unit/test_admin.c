/* The management port over real sockets, in front of a whole fleet. */
#include "admin/admin.h"

#include "admin/event_book.h"
#include "admin/request_book.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "gateway/gateway.h"
#include "whole_fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <regex.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct management {
    struct bench bench;
    struct gateway *gateway;
    struct event_book *events;
    struct request_book *requests;
    struct admin *admin;
};

static void management_open(struct management *management, const char *host, const char *const *functions)
{
    struct bench *bench = &management->bench;
    struct error err;
    static const struct gateway_hooks hooks = {0};
    bench_open(bench);
    if (event_book_create(bench->base, &management->events, &err) < 0)
        fail_msg("%s", err.message);
    write_config(bench, host, functions);
    start_fleet(bench);
    struct host_settings *settings = &bench->registry->host;
    free(settings->listen);
    free(settings->admin);
    settings->listen = xstrdup("127.0.0.1:0");
    settings->admin = xstrdup("127.0.0.1:0");
    if (gateway_create(settings, NULL, bench->routes, &hooks, &management->gateway, &err) < 0)
        fail_msg("%s", err.message);
    if (request_book_create(bench->base, &management->requests, &err) < 0)
        fail_msg("%s", err.message);
    request_book_open(management->requests, management->gateway, bench->fleet, NULL);
    struct admin_options options = {.base = bench->base,
                                    .host = settings,
                                    .state_dir = bench->state,
                                    .run_dir = bench->run,
                                    .fleet = bench->fleet,
                                    .gateway = management->gateway,
                                    .requests = management->requests,
                                    .events = management->events};
    if (admin_create(&options, &management->admin, &err) < 0)
        fail_msg("%s", err.message);
}

static void management_close(struct management *management)
{
    stop_fleet(&management->bench);
    admin_destroy(management->admin);
    request_book_close(management->requests);
    gateway_destroy(management->gateway);
    request_book_destroy(management->requests);
    event_book_destroy(management->events);
    bench_close(&management->bench);
}

static int connect_tcp(const struct management *management)
{
    const char *colon = strrchr(admin_address(management->admin), ':');
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static int connect_unix(const struct management *management)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/admin.sock", management->bench.run);
    struct stat status;
    assert_int_equal(stat(address.sun_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

/* The whole answer, head and body. The caller frees it. */
static char *exchange(struct management *management, int fd, const char *request)
{
    cleanup_strbuf struct strbuf answer;
    strbuf_init(&answer, 1 << 20);
    cleanup_free char *text =
        xasprintf("%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", request);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    for (;;) {
        char block[65536];
        ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (got == 0)
            break;
        if (got > 0)
            strbuf_append(&answer, block, (size_t)got);
        else if (errno == EAGAIN)
            run_for(&management->bench, 5);
        else
            fail_msg("%s", strerror(errno));
    }
    close(fd);
    return strbuf_steal(&answer);
}

static void expect(struct management *management, const char *request, const char *status, const char *words)
{
    cleanup_free char *answer = exchange(management, connect_unix(management), request);
    if (strncmp(answer + strlen("HTTP/1.1 "), status, 3) != 0 || !strstr(answer, words))
        fail_msg("%s: %s", request, answer);
}

static json_t *get_json(struct management *management, const char *path)
{
    cleanup_free char *request = xasprintf("GET %s", path);
    cleanup_free char *answer = exchange(management, connect_unix(management), request);
    assert_non_null(strstr(answer, "Content-Type: application/json"));
    json_t *json = json_loads(strstr(answer, "\r\n\r\n"), 0, NULL);
    if (!json)
        fail_msg("%s: %s", path, answer);
    return json;
}

static const char *text_at(const json_t *json, const char *member)
{
    const char *text = json_string_value(json_object_get(json, member));
    return text ? text : "";
}

static void every_path_answers(void **state)
{
    (void)state;
    struct management management;
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    expect(&management, "GET /healthz", "503", "starting: waiting for");
    UNTIL(&management.bench, management.bench.settled > 0);
    expect(&management, "GET /healthz", "200", "OK");
    expect(&management, "HEAD /healthz", "200", "");
    expect(&management, "POST /healthz", "405", "method not allowed");
    expect(&management, "GET /", "404", "not found");
    expect(&management, "GET /nothing", "404", "not found");
    expect(&management, "GET /system/namespaces", "200", "[\"openfaas-fn\"]");
    expect(&management, "GET /system/plugins", "200", "\"aliases\":[\"act\",\"Actor\"]");
    expect(&management, "GET /system/functions", "200", "\"name\":\"hello\"");
    expect(&management, "GET /system/function/hello", "200", "\"name\":\"hello\"");
    expect(&management, "GET /system/function/hello.openfaas-fn", "200", "\"name\":\"hello\"");
    expect(&management, "GET /system/function/hello.other", "404", "function hello.other not found");
    expect(&management, "GET /system/function/none", "404", "function none not found");
    expect(&management, "GET /system/function/", "404", "not found");
    expect(&management, "GET /system/function/a/b", "404", "not found");
    expect(&management, "DELETE /system/function/hello", "405", "Allow: GET\r\n");
    management_close(&management);
}

static void on_tcp_a_password_is_asked_for(void **state)
{
    (void)state;
    struct management management;
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    UNTIL(&management.bench, management.bench.settled > 0);
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"GET /healthz", "200"},
        {"HEAD /healthz", "200"},
        {"GET /metrics", "200"},
        {"GET /system/info", "401"},
        {"GET /system/function/hello", "401"},
        {"GET /nothing", "401"},
        {"POST /healthz", "401"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *answer = exchange(&management, connect_tcp(&management), cases[i].request);
        if (strncmp(answer + strlen("HTTP/1.1 "), cases[i].status, 3) != 0)
            fail_msg("%s: %s", cases[i].request, answer);
        bool asked = strstr(answer, "WWW-Authenticate: Basic realm=\"Restricted\"\r\n") != NULL;
        assert_int_equal(asked, strcmp(cases[i].status, "401") == 0);
    }
    management_close(&management);
}

static void info_tells_the_budget(void **state)
{
    (void)state;
    struct management management;
    management_open(&management, ", prewarm: 2, max_instances: 7", (const char *[]){"hello", "", NULL});
    UNTIL(&management.bench, management.bench.settled > 0);
    UNTIL(&management.bench, fake_engine_count(management.bench.engine) == 2);
    json_t *info = get_json(&management, "/system/info");
    const json_t *budget = json_object_get(info, "berth");
    assert_string_equal(text_at(json_object_get(info, "provider"), "provider"), "berth");
    assert_int_equal(json_integer_value(json_object_get(budget, "max_instances")), 7);
    assert_int_equal(json_integer_value(json_object_get(budget, "prewarmed")), 2);
    assert_int_equal(json_integer_value(json_object_get(budget, "prewarmed_memory_bytes")), 2 * 256 << 20);
    json_decref(info);
    management_close(&management);
}

static void a_function_tells_its_decisions_and_its_last_failure(void **state)
{
    (void)state;
    struct management management;
    struct bench *bench = &management.bench;
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    UNTIL(bench, bench->settled > 0);
    serve(bench, "hello");
    json_t *status = get_json(&management, "/system/function/hello");
    json_t *decisions = json_object_get(json_object_get(status, "berth"), "decisions");
    assert_true(json_array_size(decisions) >= 1);
    const json_t *first = json_array_get(decisions, json_array_size(decisions) - 1);
    assert_string_equal(text_at(first, "reason"), "demand");
    assert_int_equal(json_integer_value(json_object_get(first, "start")), 1);
    assert_int_equal(json_integer_value(json_object_get(first, "waiting")), 1);
    assert_true(json_is_null(json_object_get(json_object_get(status, "berth"), "last_failure")));
    json_decref(status);

    struct fake_container *container = fake_engine_running(bench->engine);
    fake_container_write(container, "not \xff utf-8 \xe2\x82");
    fake_container_die(bench->engine, container, 137, true);
    UNTIL(bench, function_last_failure(find(bench, "hello"))->at_ms > 0);
    status = get_json(&management, "/system/function/hello");
    const json_t *failure = json_object_get(json_object_get(status, "berth"), "last_failure");
    assert_string_equal(text_at(failure, "reason"), "out-of-memory");
    assert_non_null(strstr(text_at(failure, "message"), "not ? utf-8 ??"));
    assert_int_equal(strlen(text_at(failure, "instance")), 12);
    assert_string_equal(text_at(failure, "output"), "not ? utf-8 ??\n");
    assert_true(json_is_null(json_object_get(failure, "traceback")));
    json_decref(status);
    management_close(&management);
}

static void a_broken_function_shows_its_findings(void **state)
{
    (void)state;
    struct management management;
    management_open(&management, "",
                    (const char *[]){"hello", "      act: validate:report-error\n", "latin",
                                     "      act: validate:report-latin1\n", NULL});
    UNTIL(&management.bench, management.bench.settled > 0);
    json_t *status = get_json(&management, "/system/function/hello");
    json_t *berth = json_object_get(status, "berth");
    assert_string_equal(text_at(berth, "state"), "broken");
    assert_true(json_array_size(json_object_get(berth, "diagnostics")) > 0);
    assert_non_null(strstr(text_at(json_object_get(berth, "problem"), "message"), "this is wrong"));
    json_decref(status);
    status = get_json(&management, "/system/functions");
    assert_int_equal(json_array_size(status), 2);
    json_decref(status);
    management_close(&management);
}

/* --- the text format of metrics --- */

static bool matches(const char *pattern, const char *text)
{
    regex_t regex;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

/* HELP, TYPE, then the samples of that name: each name once, each sample once. */
static void check_metrics(char *text)
{
    char name[128] = "", type[128] = "";
    cleanup_strbuf struct strbuf seen;
    strbuf_init(&seen, 1 << 20);
    for (char *line = text, *next; *line; line = next) {
        size_t length = strcspn(line, "\n");
        assert_int_equal(line[length], '\n');
        line[length] = '\0';
        next = line + length + 1;
        char key[512];
        snprintf(key, sizeof(key), "\n%.*s\n", (int)(strrchr(line, ' ') - line), line);
        if (strstr(strbuf_text(&seen), key))
            fail_msg("twice: %s", line);
        strbuf_append_text(&seen, key);
        if (strncmp(line, "# HELP ", 7) == 0) {
            snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 7, " "), line + 7);
            assert_true(strlen(line) > 7 + strlen(name) + 1);
        } else if (strncmp(line, "# TYPE ", 7) == 0) {
            snprintf(type, sizeof(type), "%.*s", (int)strcspn(line + 7, " "), line + 7);
            assert_string_equal(type, name);
            assert_true(matches("^# TYPE [a-z_]+ (counter|gauge|histogram|untyped)$", line));
            assert_int_equal(matches("_total counter$", line), matches(" counter$", line));
        } else {
            assert_string_equal(type, name);
            assert_int_equal(strncmp(line, name, strlen(name)), 0);
            if (!matches("^[a-z_]+(\\{([a-z_]+=\"[^\"\\\\]*\",?)+\\})? [0-9]+(\\.[0-9]+)?$", line))
                fail_msg("%s", line);
        }
    }
}

static void metrics_are_well_formed(void **state)
{
    (void)state;
    struct management management;
    struct bench *bench = &management.bench;
    management_open(&management, ", prewarm: 1", (const char *[]){"hello", "", "other-one", "", NULL});
    UNTIL(bench, bench->settled > 0);
    UNTIL(bench, fake_engine_count(bench->engine) == 1);
    run_for(bench, 50);
    cleanup_free char *before = exchange(&management, connect_unix(&management), "GET /metrics");
    assert_non_null(strstr(before, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(before, "\nberth_prewarmed_instances 1\n"));
    assert_non_null(strstr(before, "\nberth_prewarmed_memory_bytes 268435456\n"));
    check_metrics(strstr(before, "\r\n\r\n") + 4);
    serve(bench, "hello");
    cleanup_free char *after = exchange(&management, connect_unix(&management), "GET /metrics");
    assert_non_null(strstr(after, "\ngateway_service_count{function_name=\"hello.openfaas-fn\"} 1\n"));
    assert_non_null(strstr(after, "\ngateway_service_count{function_name=\"other-one.openfaas-fn\"} 0\n"));
    check_metrics(strstr(after, "\r\n\r\n") + 4);
    management_close(&management);
}

/* --- events --- */

/* Sends a request for them. The caller closes the descriptor and clears the buffer. */
static int follow_events(struct management *management, const char *query, struct strbuf *answer)
{
    int fd = connect_unix(management);
    cleanup_free char *text = xasprintf("GET /berth/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    strbuf_init(answer, 16u << 20);
    return fd;
}

/* What is there; false: the answer has ended. */
static bool receive_some(struct management *management, int fd, struct strbuf *answer)
{
    char block[65536];
    ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
    if (got > 0)
        strbuf_append(answer, block, (size_t)got);
    else if (got < 0 && errno == EAGAIN)
        run_for(&management->bench, 5);
    return got != 0;
}

static void receive_until(struct management *management, int fd, struct strbuf *answer, const char *words)
{
    while (!strstr(strbuf_text(answer), words))
        assert_true(receive_some(management, fd, answer));
}

static void ended(void *context)
{
    *(bool *)context = true;
}

static void events_go_to_who_follows_them(void **state)
{
    (void)state;
    struct management management;
    struct bench *bench = &management.bench;
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    UNTIL(bench, bench->settled > 0);
    struct strbuf all, kept, one;
    int fds[] = {follow_events(&management, "", &all), follow_events(&management, "?since=0", &kept),
                 follow_events(&management, "?since=0&function=hello.openfaas-fn", &one)};
    receive_until(&management, fds[0], &all, ":\n\n");
    receive_until(&management, fds[1], &kept, "\nevent: config.applied\ndata: {");
    receive_until(&management, fds[2], &one, "\nevent: revision.state\ndata: {");
    log_traffic(LOG_INFO, "gateway.request", LOG_STR("function", "hello"));
    log_warning("it.happens", LOG_STR("function", "other"));
    log_info("it.happens", LOG_STR("function", "hello"), LOG_INT("ms", 7));
    receive_until(&management, fds[0], &all, "\"event\":\"it.happens\",\"function\":\"hello\",\"ms\":7}\n\n");
    receive_until(&management, fds[1], &kept, "\"ms\":7}\n\n");
    receive_until(&management, fds[2], &one, "\"ms\":7}\n\n");
    assert_non_null(strstr(strbuf_text(&all), "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(strbuf_text(&all), "\"function\":\"other\"}"));
    assert_null(strstr(strbuf_text(&all), "config.applied"));
    assert_null(strstr(strbuf_text(&all), "gateway.request"));
    assert_null(strstr(strbuf_text(&one), "other"));
    assert_null(strstr(strbuf_text(&one), "config.applied"));
    bool is_ended = false;
    admin_finish(management.admin, ended, &is_ended);
    while (receive_some(&management, fds[0], &all))
        ;
    assert_non_null(strstr(strbuf_text(&all), "\r\n0\r\n\r\n"));
    UNTIL(bench, is_ended);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    strbuf_clear(&all);
    strbuf_clear(&kept);
    strbuf_clear(&one);
    management_close(&management);
}

#define MANY 4000

/* Who does not read costs no memory, holds nothing up, and is told how many it has missed. */
static void who_reads_slowly_is_told_what_it_missed(void **state)
{
    (void)state;
    struct management management;
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    UNTIL(&management.bench, management.bench.settled > 0);
    struct strbuf answer;
    int fd = follow_events(&management, "", &answer);
    receive_until(&management, fd, &answer, ":\n\n");
    static char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    log_configure(LOG_ERROR, LOG_TEXT);
    for (int i = 0; i < MANY; i++) {
        log_info("it.happens", LOG_INT("number", i), LOG_STR("text", text));
        if (i % 100 == 0)
            run_for(&management.bench, 1);
    }
    log_configure(LOG_INFO, LOG_TEXT);
    cleanup_free char *last = xasprintf("\"number\":%d,", MANY - 1);
    receive_until(&management, fd, &answer, last);
    unsigned told = 0;
    for (const char *at = strbuf_text(&answer); (at = strstr(at, "event: it.happens\n")); at++)
        told++;
    static const char missed_words[] = "event: missed\ndata: {\"event\":\"missed\",\"count\":";
    const char *missed = strstr(strbuf_text(&answer), missed_words);
    assert_non_null(missed);
    assert_int_equal(told + strtoul(missed + strlen(missed_words), NULL, 10), MANY);
    assert_null(strstr(missed + 1, missed_words));
    close(fd);
    strbuf_clear(&answer);
    management_close(&management);
}

static void only_so_many_follow_events(void **state)
{
    (void)state;
    struct management management;
    int fds[32];
    management_open(&management, "", (const char *[]){"hello", "", NULL});
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        struct strbuf answer;
        fds[i] = follow_events(&management, "", &answer);
        receive_until(&management, fds[i], &answer, ":\n\n");
        strbuf_clear(&answer);
    }
    expect(&management, "GET /berth/events", "503", "\"reason\":\"too-many-readers\"");
    close(fds[0]);
    for (bool is_refused = true; is_refused;) { /* until the daemon has seen that */
        struct strbuf answer;
        fds[0] = follow_events(&management, "", &answer);
        receive_until(&management, fds[0], &answer, "\n\r\n");
        is_refused = strstr(strbuf_text(&answer), " 503 ") != NULL;
        strbuf_clear(&answer);
        if (is_refused)
            close(fds[0]);
    }
    expect(&management, "GET /berth/events?since=x", "422", "\"parameter-invalid\"");
    expect(&management, "GET /berth/events?function=none", "404", "\"function-unknown\"");
    expect(&management, "HEAD /berth/events", "405", "Allow: GET\r\n");
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    management_close(&management);
}

static void wrong_addresses_are_named(void **state)
{
    (void)state;
    static const char *const addresses[] = {"nowhere", ":80", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000"};
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct host_settings host = {.admin = (char *)addresses[i]};
        struct event_base *base = event_base_new();
        struct event_book *events;
        struct error err;
        assert_int_equal(event_book_create(base, &events, &err), 0);
        struct admin_options options = {.base = base, .host = &host, .run_dir = "/tmp", .events = events};
        struct admin *admin;
        assert_int_equal(admin_create(&options, &admin, &err), -1);
        assert_string_equal(error_code_slug(err.code), "usage");
        assert_non_null(strstr(err.message, addresses[i]));
        event_book_destroy(events);
        event_base_free(base);
    }
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the daemon does */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_answers),
        cmocka_unit_test(on_tcp_a_password_is_asked_for),
        cmocka_unit_test(info_tells_the_budget),
        cmocka_unit_test(a_function_tells_its_decisions_and_its_last_failure),
        cmocka_unit_test(a_broken_function_shows_its_findings),
        cmocka_unit_test(metrics_are_well_formed),
        cmocka_unit_test(events_go_to_who_follows_them),
        cmocka_unit_test(who_reads_slowly_is_told_what_it_missed),
        cmocka_unit_test(only_so_many_follow_events),
        cmocka_unit_test(wrong_addresses_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
