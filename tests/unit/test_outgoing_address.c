/* Outgoing requests that judge where they connect to, by names that the test's own resolver knows. */
#include "base/network.h"
#include "outgoing/outgoing.h"
#include "scripted_server.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#define GUARD_S   60 /* a test that waits longer has failed */
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* --- the resolver that libcurl finds --- */

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER; /* held while "slow.test" has no answer */
static atomic_uint slow_asked, slow_answered;

static const struct {
    const char *name, *addresses[2];
} names[] = {
    {"rebound.test", {"127.0.0.1"}},
    {"both.test", {"127.0.0.2", "127.0.0.1"}},
    {"slow.test", {"127.0.0.1"}},
};

static void wait_when_slow(const char *name)
{
    if (strcmp(name, "slow.test") != 0)
        return;
    atomic_fetch_add(&slow_asked, 1);
    pthread_mutex_lock(&slow_lock);
    pthread_mutex_unlock(&slow_lock);
    atomic_fetch_add(&slow_answered, 1);
}

__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *req, struct addrinfo **pai)
{
    resolve *real = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    for (size_t i = 0; name && i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(name, names[i].name) != 0)
            continue;
        wait_when_slow(name);
        int rc = real(names[i].addresses[0], service, req, pai);
        if (rc == 0 && names[i].addresses[1])
            rc = real(names[i].addresses[1], service, req, &(*pai)->ai_next);
        return rc;
    }
    return real(name, service, req, pai);
}

/* --- requests --- */

struct bench {
    struct event_base *base;
    struct outgoing *client;
    struct scripted_server server;
    unsigned port;
};

struct probe {
    struct bench *bench;
    const char *allowed; /* an address; all others are refused */
    unsigned judged, ends, status;
    enum outgoing_outcome outcome;
    char text[64];
};

static void bench_open(struct bench *bench)
{
    static const struct rule rules[] = {{"GET /", OK_ANSWER}, {0}};
    struct error err;
    bench->base = event_base_new();
    assert_non_null(bench->base);
    server_init(&bench->server, rules);
    bench->server.base = bench->base;
    bench->port = server_listen_port(&bench->server);
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
    struct timeval limit = {.tv_usec = limit_ms * 1000};
    event_base_loopexit(bench->base, &limit);
    event_base_loop(bench->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

static const char *refuse(void *owner, const struct ip_address *address)
{
    struct probe *probe = owner;
    char text[INET6_ADDRSTRLEN];
    ip_address_format(address, text);
    probe->judged++;
    return strcmp(text, probe->allowed) == 0 ? NULL : "it is not the one";
}

static int on_head(void *owner, int status)
{
    ((struct probe *)owner)->status = (unsigned)status;
    return 0;
}

static void on_done(void *owner, const struct outgoing_end *end)
{
    struct probe *probe = owner;
    probe->outcome = end->outcome;
    snprintf(probe->text, sizeof(probe->text), "%s", end->text);
    probe->ends++;
    event_base_loopbreak(probe->bench->base);
}

static const struct outgoing_callbacks judging = {.refuse = refuse, .head = on_head, .done = on_done};

static struct outgoing_request *start(struct probe *probe, const char *host, unsigned connect_ms)
{
    char url[128];
    snprintf(url, sizeof(url), "http://%s:%u/", host, probe->bench->port);
    return outgoing_start(probe->bench->client, &(struct outgoing_spec){.method = "GET",
                                                                        .url = url,
                                                                        .connect_ms = connect_ms,
                                                                        .timeout_ms = GUARD_S * 1000,
                                                                        .callbacks = &judging,
                                                                        .owner = probe});
}

static void await(struct probe *probe, enum outgoing_outcome outcome)
{
    for (unsigned tries = 0; probe->ends == 0 && tries < GUARD_S * 10; tries++)
        bench_run(probe->bench, 100);
    assert_int_equal(probe->ends, 1);
    if (probe->outcome != outcome)
        fail_msg("ended with %d: %s", probe->outcome, probe->text);
}

static struct probe ask(struct bench *bench, const char *host, const char *allowed,
                        enum outgoing_outcome outcome)
{
    struct probe probe = {.bench = bench, .allowed = allowed};
    start(&probe, host, GUARD_S * 1000);
    await(&probe, outcome);
    return probe;
}

static void an_address_that_is_refused_is_not_connected_to(void **state)
{
    (void)state;
    static const char *const hosts[] = {"127.0.0.1", "2130706433", "localhost", "rebound.test"};
    struct bench bench;
    bench_open(&bench);
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        struct probe probe = ask(&bench, hosts[i], "192.0.2.1", OUTGOING_FORBIDDEN);
        assert_string_equal(probe.text, "it is not the one");
        assert_in_range(probe.judged, 1, 2);
    }
    bench_run(&bench, 5);
    assert_int_equal(bench.server.client_count, 0);
    bench_close(&bench);
}

static void one_that_is_allowed_among_others_is_taken(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    assert_int_equal(ask(&bench, "rebound.test", "127.0.0.1", OUTGOING_ANSWERED).status, 200);
    struct probe both = ask(&bench, "both.test", "127.0.0.1", OUTGOING_ANSWERED);
    assert_int_equal(both.status, 200);
    assert_int_equal(both.judged, 2);
    bench_close(&bench);
}

/* Nothing gets round the judgement: neither a connection of another request, nor a proxy. */
static void each_request_is_judged(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    ask(&bench, "127.0.0.1", "127.0.0.1", OUTGOING_ANSWERED);
    ask(&bench, "127.0.0.1", "127.0.0.1", OUTGOING_ANSWERED);
    assert_int_equal(bench.server.client_count, 2);
    ask(&bench, "127.0.0.1", "192.0.2.1", OUTGOING_FORBIDDEN);
    char proxy[64];
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", bench.port);
    setenv("http_proxy", proxy, 1);
    ask(&bench, "rebound.test", "192.0.2.1", OUTGOING_FORBIDDEN);
    unsetenv("http_proxy");
    assert_int_equal(bench.server.requests, 2);
    bench_close(&bench);
}

static void await_count(struct bench *bench, atomic_uint *count, unsigned least)
{
    for (unsigned tries = 0; atomic_load(count) < least && tries < GUARD_S * 100; tries++)
        bench_run(bench, 10);
    assert_true(atomic_load(count) >= least);
}

/* The loop goes on meanwhile, and neither the end of time nor of the request waits for the answer. */
static void a_slow_resolver_holds_nobody_up(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    pthread_mutex_lock(&slow_lock);
    struct probe late = {.bench = &bench, .allowed = "127.0.0.1"}, dropped = late, patient = late;
    struct outgoing_request *request = start(&dropped, "slow.test", GUARD_S * 1000);
    start(&patient, "slow.test", GUARD_S * 1000);
    start(&late, "slow.test", 50);
    ask(&bench, "127.0.0.1", "127.0.0.1", OUTGOING_ANSWERED);
    await(&late, OUTGOING_TIMED_OUT);
    await_count(&bench, &slow_asked, 3);
    outgoing_cancel(request);
    assert_int_equal(atomic_load(&slow_answered), 0);
    pthread_mutex_unlock(&slow_lock);
    await(&patient, OUTGOING_ANSWERED);
    await_count(&bench, &slow_answered, 3);
    assert_int_equal(dropped.ends, 0);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_is_refused_is_not_connected_to),
        cmocka_unit_test(one_that_is_allowed_among_others_is_taken),
        cmocka_unit_test(each_request_is_judged),
        cmocka_unit_test(a_slow_resolver_holds_nobody_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
