/* berth_runner_run() as a process of its own, against a host that the test plays on a unix socket: slots,
 * redial, SIGTERM. */
#include "berth/runner.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 20000

static char folder[64], path[96];
static int listener = -1;
static pid_t child = -1;

/* Reads the whole body, so a request stays under way until the test has sent it. */
static void handle(void *function, struct berth_request *request)
{
    char text[256];
    size_t used = 0;
    ssize_t got;
    (void)function;
    while ((got = berth_request_read(request, text + used, sizeof(text) - used)) > 0)
        used += (size_t)got;
    berth_response_send(request, 200, NULL, text, used);
}

static void unload(void *function)
{
    (void)function;
    printf("unloaded\n");
    fflush(stdout);
}

static void start_listening(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 64), 0);
}

static void start_runner(void)
{
    const struct berth_runner runner = {.struct_size = sizeof(runner), .handle = handle, .unload = unload};
    setenv("BERTH_SOCKET", path, 1);
    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(listener);
        exit(berth_runner_run(&runner));
    }
}

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test-runner-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/host.sock", folder);
    start_listening();
    start_runner();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    child = -1;
    close(listener);
    unlink(path);
    return rmdir(folder);
}

static int wait_readable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, PATIENCE_MS);
}

static int accept_slot(void)
{
    assert_int_equal(wait_readable(listener), 1);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void expect(int fd, const char *expected)
{
    char got[1024];
    size_t used = 0;
    while (used < strlen(expected)) {
        assert_int_equal(wait_readable(fd), 1);
        ssize_t size = recv(fd, got + used, strlen(expected) - used, 0);
        if (size <= 0)
            break;
        used += (size_t)size;
    }
    got[used] = '\0';
    assert_string_equal(got, expected);
}

static void expect_end(int fd)
{
    char byte;
    assert_int_equal(wait_readable(fd), 1);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

static void init(int fd, unsigned concurrency)
{
    char settings[512], bytes[1024];
    int size = snprintf(settings, sizeof(settings),
                        "{\"protocol\": 1, \"function\": \"f\", \"revision\": \"r\", \"instance\": \"i\", "
                        "\"code\": \"/\", \"concurrency\": %u, \"timeout_ms\": 1000}",
                        concurrency);
    snprintf(bytes, sizeof(bytes),
             "POST /.berth/init HTTP/1.1\r\nBerth-Settings-Length: %d\r\nContent-Length: %d\r\n\r\n%s", size,
             size, settings);
    say(fd, bytes);
    expect(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

static void echo(int fd)
{
    say(fd, "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    expect(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
}

static void expect_exit(void)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    child = -1;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_slots(void **state)
{
    (void)state;
    int slots[4] = {accept_slot()};
    struct pollfd poller = {.fd = listener, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 50), 0); /* one connection before init */
    init(slots[0], 4);
    for (int i = 1; i < 4; i++)
        slots[i] = accept_slot();
    assert_int_equal(poll(&poller, 1, 50), 0);
    for (int i = 0; i < 4; i++) /* all at once */
        say(slots[i], "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nh");
    for (int i = 3; i >= 0; i--) {
        say(slots[i], "i");
        expect(slots[i], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    }
    init(slots[2], 4);
    assert_int_equal(poll(&poller, 1, 50), 0);
    kill(child, SIGTERM);
    for (int i = 0; i < 4; i++)
        expect_end(slots[i]);
    expect_exit();
}

static void test_redials(void **state)
{
    (void)state;
    int slot = accept_slot();
    init(slot, 1);
    close(slot);
    slot = accept_slot();
    echo(slot);
    shutdown(slot, SHUT_RDWR);
    close(slot);
    close(listener); /* the host restarts */
    start_listening();
    slot = accept_slot();
    init(slot, 1);
    echo(slot);
    say(slot, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    expect(slot, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    expect_end(slot);
    slot = accept_slot();
    echo(slot);
    close(slot);
}

/* Connections that are closed as soon as they are opened do not make the runner spin. */
static void test_redial_backs_off(void **state)
{
    (void)state;
    int count = 0;
    struct pollfd poller = {.fd = listener, .events = POLLIN};
    for (time_t end_s = time(NULL) + 2; time(NULL) < end_s && count < 100;) {
        if (poll(&poller, 1, 100) <= 0)
            continue;
        close(accept_slot());
        count++;
    }
    assert_in_range(count, 3, 40);
}

static void test_term_finishes_what_runs(void **state)
{
    (void)state;
    int idle = accept_slot();
    init(idle, 2);
    int busy = accept_slot();
    say(busy, "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    expect(busy, "HTTP/1.1 100 Continue\r\n\r\n"); /* so the handler runs */
    kill(child, SIGTERM);
    expect_end(idle);
    say(busy, "hi");
    expect(busy, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    expect_end(busy);
    expect_exit();
}

static void test_term_without_host(void **state)
{
    (void)state;
    int slot = accept_slot();
    close(listener);
    unlink(path);
    close(slot);
    kill(child, SIGTERM);
    expect_exit();
    start_listening();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_slots, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redials, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redial_backs_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_term_finishes_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_term_without_host, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
