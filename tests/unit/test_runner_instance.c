/* `init` in the runner library: settings, package, idempotence, load errors, over a socket pair. */
#include "berth/runner.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
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

static int loads, unloads;
static bool fail_load;
static struct berth_init seen;
static char seen_texts[4][256];

static int load(void *context, const struct berth_init *init, void **ret_function,
                struct berth_load_error *err)
{
    assert_string_equal(context, "context");
    loads++;
    seen = *init;
    snprintf(seen_texts[0], 256, "%s %s %s", init->function, init->revision, init->instance);
    snprintf(seen_texts[1], 256, "%s", init->dependencies ? init->dependencies : "none");
    snprintf(seen_texts[2], 256, "%s %lld %s", berth_init_string(init, "file", "default"),
             (long long)berth_init_integer(init, "number", -1), init->runtime);
    snprintf(seen_texts[3], 256, "%s", getenv("TEST_GREETING") ? getenv("TEST_GREETING") : "unset");
    if (fail_load) {
        snprintf(err->message, sizeof(err->message), "no handle");
        snprintf(err->traceback, sizeof(err->traceback), "line 1\nline 2");
        return -1;
    }
    *ret_function = &loads;
    return 0;
}

static void handle(void *function, struct berth_request *request)
{
    assert_ptr_equal(function, &loads);
    berth_response_send(request, 200, NULL, "served", 6);
}

static void unload(void *function)
{
    assert_ptr_equal(function, &loads);
    unloads++;
}

static char context[] = "context";
static const struct berth_runner runner = {
    .struct_size = sizeof(runner), .context = context, .load = load, .handle = handle, .unload = unload};

static struct berth_instance *instance;
static struct berth_connection *connection;
static int host = -1;
static char answer[32768];

static void reconnect(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    if (host >= 0)
        close(host);
    host = pair[0];
    berth_connection_attach(connection, pair[1]);
}

static int setup(void **state)
{
    (void)state;
    loads = unloads = 0;
    fail_load = false;
    host = -1;
    instance = berth_instance_create(&runner);
    connection = berth_connection_create();
    assert_true(instance && connection);
    reconnect();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    berth_connection_destroy(connection);
    berth_instance_destroy(instance);
    close(host);
    unsetenv("TEST_GREETING");
    return 0;
}

/* Sends the bytes, serves one request, and keeps its answer in `answer`. */
static enum berth_served serve(const char *bytes, size_t size)
{
    struct berth_request *request;
    assert_int_equal(send(host, bytes, size, MSG_NOSIGNAL), size);
    assert_int_equal(berth_connection_next(connection, &request), 1);
    enum berth_served served = berth_instance_serve(instance, request);
    ssize_t got = recv(host, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    answer[got > 0 ? got : 0] = '\0';
    return served;
}

static enum berth_served serve_init(const char *settings)
{
    char bytes[65536];
    int size =
        snprintf(bytes, sizeof(bytes),
                 "POST /.berth/init HTTP/1.1\r\nHost: berth\r\nContent-Type: application/vnd.berth.init\r\n"
                 "Berth-Settings-Length: %zu\r\nContent-Length: %zu\r\n\r\n%s",
                 strlen(settings), strlen(settings), settings);
    return serve(bytes, (size_t)size);
}

#define SETTINGS(revision, more)                                                                             \
    "{\"protocol\": 1, \"function\": \"hello\", \"revision\": \"" revision "\", \"instance\": \"i1\", "      \
    "\"code\": \"/nowhere\", \"concurrency\": 8, \"timeout_ms\": 60000" more "}"

static void expect_status(const char *status)
{
    char line[64];
    snprintf(line, sizeof(line), "HTTP/1.1 %s", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("expected %s, got %s", status, answer);
}

static void test_loads_once(void **state)
{
    (void)state;
    assert_int_equal(serve("GET / HTTP/1.1\r\n\r\n", 18), BERTH_SERVED);
    expect_status("503");
    assert_null(berth_instance_settings(instance));
    const char *settings = SETTINGS("r1", ", \"environment\": {\"TEST_GREETING\": \"hi\"}, \"unknown\": [], "
                                          "\"dependencies\": \"/deps/1\", "
                                          "\"runtime\": {\"file\": \"a.sh\", \"number\": 7}");
    assert_int_equal(serve_init(settings), BERTH_LOADED);
    expect_status("200");
    assert_int_equal(loads, 1);
    assert_int_equal(seen.concurrency, 8);
    assert_int_equal(seen.timeout_ms, 60000);
    assert_string_equal(seen_texts[0], "hello r1 i1");
    assert_string_equal(seen_texts[1], "/deps/1");
    assert_string_equal(seen_texts[2], "a.sh 7 {\"file\":\"a.sh\",\"number\":7}");
    assert_string_equal(seen_texts[3], "hi");
    assert_string_equal(berth_instance_settings(instance)->function, "hello");
    assert_ptr_equal(berth_instance_function(instance), &loads);

    assert_int_equal(serve("GET / HTTP/1.1\r\n\r\n", 18), BERTH_SERVED);
    expect_status("200");
    assert_int_equal(serve_init(settings), BERTH_SERVED);
    expect_status("200");
    assert_int_equal(serve_init(SETTINGS("r2", "")), BERTH_SERVED);
    expect_status("409");
    assert_int_equal(loads, 1);
    assert_int_equal(serve("GET /.berth/init HTTP/1.1\r\n\r\n", 29), BERTH_SERVED);
    expect_status("404"); /* it is no request of the host's, nor of the function's */
    berth_instance_destroy(instance);
    instance = NULL;
    assert_int_equal(unloads, 1);
}

static void test_load_error(void **state)
{
    (void)state;
    fail_load = true;
    assert_int_equal(serve_init(SETTINGS("r1", ", \"dependencies\": null")), BERTH_SERVED);
    expect_status("500");
    assert_string_equal(seen_texts[1], "none");
    assert_string_equal(seen_texts[2], "default -1 {}");
    assert_non_null(strstr(answer, "{\"error\":{\"component\":\"function\",\"reason\":\"load-failed\","
                                   "\"message\":\"no handle\",\"hint\":\"\",\"request_id\":\"\","
                                   "\"traceback\":\"line 1\\nline 2\"}}"));
    fail_load = false;
    assert_int_equal(serve_init(SETTINGS("r1", "")), BERTH_LOADED);
}

static const struct {
    const char *settings;
    const char *status;
    const char *message;
} bad_settings[] = {
    {"[]", "400", "not a JSON object"},
    {"{\"protocol\":", "400", "not a JSON object"},
    {"{}", "400", "protocol"},
    {"{\"protocol\": 2}", "400", "speaks protocol 1, the host 2"},
    {"{\"protocol\": 1}", "400", "function"},
    {SETTINGS("r1", ", \"concurrency\": 0"), "400", "concurrency"},
    {SETTINGS("r1", ", \"concurrency\": 1025"), "400", "concurrency"},
    {SETTINGS("r1", ", \"timeout_ms\": \"1\""), "400", "timeout_ms"},
    {SETTINGS("r1", ", \"environment\": {\"A\": 1}"), "400", "environment"},
    {SETTINGS("r1", ", \"environment\": {\"A=B\": \"1\"}"), "400", "environment"},
    {SETTINGS("r1", ", \"runtime\": 1"), "400", "runtime"},
};

static void test_bad_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_settings) / sizeof(bad_settings[0]); i++) {
        assert_int_equal(serve_init(bad_settings[i].settings), BERTH_SERVED);
        expect_status(bad_settings[i].status);
        if (!strstr(answer, bad_settings[i].message))
            fail_msg("%s is not in %s", bad_settings[i].message, answer);
    }
    assert_int_equal(loads, 0);
}

static void test_bad_lengths(void **state)
{
    (void)state;
    const struct {
        const char *headers;
        const char *status;
    } bad[] = {
        {"Content-Length: 2\r\n\r\n{}", "400"},
        {"Berth-Settings-Length: 3\r\nContent-Length: 2\r\n\r\n{}", "400"},
        {"Berth-Settings-Length: x\r\nContent-Length: 2\r\n\r\n{}", "400"},
        {"Berth-Settings-Length: 2000000\r\nContent-Length: 2\r\n\r\n{}", "413"},
        {"Berth-Settings-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "400"},
        {"Berth-Settings-Length: 2\r\nContent-Length: 99999999\r\n\r\n", "400"},
        {"Berth-Settings-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "400"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char bytes[512];
        int size = snprintf(bytes, sizeof(bytes), "POST /.berth/init HTTP/1.1\r\n%s", bad[i].headers);
        if (serve(bytes, (size_t)size) == BERTH_CLOSED)
            reconnect();
        expect_status(bad[i].status);
    }
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* New files can be made in the working directory, and those of the code are there. */
static void test_work(void **state)
{
    (void)state;
    char folder[] = "/tmp/test-instance-XXXXXX", before[PATH_MAX], settings[1024], path[256],
         content[16] = "";
    assert_non_null(getcwd(before, sizeof(before)));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("code", 0755) | mkdir("work", 0755) | mkdir("code/below", 0755), 0);
    FILE *file = fopen("code/a.txt", "we");
    assert_non_null(file);
    assert_true(fputs("hello", file) >= 0 && fclose(file) == 0);
    assert_int_equal(symlink("nowhere", "work/below"), 0); /* an init before this one was cut off */
    snprintf(settings, sizeof(settings), SETTINGS("r1", ", \"code\": \"%s/code\", \"work\": \"%s/none\""),
             folder, folder);
    assert_int_equal(serve_init(settings), BERTH_SERVED);
    expect_status("500");
    assert_non_null(strstr(answer, "cannot prepare the working directory"));

    snprintf(settings, sizeof(settings), SETTINGS("r1", ", \"code\": \"%s/code\", \"work\": \"%s/work\""),
             folder, folder);
    assert_int_equal(serve_init(settings), BERTH_LOADED);
    expect_status("200");
    snprintf(path, sizeof(path), "%s/work", folder);
    assert_string_equal(berth_instance_settings(instance)->work, path);
    file = fopen("a.txt", "re");
    assert_non_null(file);
    assert_non_null(fgets(content, sizeof(content), file));
    fclose(file);
    assert_string_equal(content, "hello");
    assert_int_equal(access("below", F_OK), -1);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_loads_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_load_error, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(test_work, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
