/*
 * The management API with everything behind it: a whole fleet, an engine that is played, a store of calls.
 * Whatever is asked, there is one answer, and one of JSON is JSON. The input: a method and a target, header
 * lines and an empty line, a body. Length, host and end of the connection are added, so that each is a
 * request as far as HTTP goes.
 */
#include "admin/admin.h"

#include "admin/event_book.h"
#include "admin/request_book.h"
#include "admin/split_place.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "gateway/gateway.h"
#include "store/log_store.h"
#include "whole_fleet.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#define HEAD_MAX   8192
#define ANSWER_MAX (16u << 20)
#define WAIT_MS    20000 /* for the beginning of an answer */
#define REST_MS    100
#define QUIET_MS   20 /* a stream that says nothing for so long has been seen */

static struct bench bench;
static struct admin_options parts;
static struct admin *admin;
static unsigned inputs;

static void remove_folder(void)
{
    fs_remove_tree(bench.dir, NULL);
}

static void make_parts(void)
{
    static const struct gateway_hooks hooks = {0};
    struct error err;
    struct host_settings *settings = &bench.registry->host;
    cleanup_free char *logs = xasprintf("%s/logs", bench.dir);
    free(settings->listen);
    free(settings->admin);
    settings->listen = xstrdup("127.0.0.1:0");
    settings->admin = xstrdup("127.0.0.1:0");
    parts = (struct admin_options){.base = bench.base,
                                   .host = settings,
                                   .state_dir = bench.state,
                                   .run_dir = bench.run,
                                   .fleet = bench.fleet};
    if (event_book_create(bench.base, &parts.events, &err) < 0 ||
        gateway_create(settings, NULL, bench.routes, &hooks, &parts.gateway, &err) < 0 ||
        request_book_create(bench.base, &parts.requests, &err) < 0 ||
        log_store_open(logs, 1u << 20, &parts.logs, &err) < 0)
        abort();
    request_book_open(parts.requests, parts.gateway, bench.fleet, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct error err;
    log_configure(LOG_ERROR, LOG_TEXT);
    signal(SIGPIPE, SIG_IGN); /* as in the daemon */
    bench_open(&bench);
    atexit(remove_folder);
    write_config(&bench, "", (const char *[]){"hello", "", "other", "", NULL});
    start_settled(&bench);
    make_parts();
    if (admin_create(&parts, &admin, &err) < 0)
        abort();
    return 0;
}

static int connect_admin(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/admin.sock", bench.run);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        abort();
    return fd;
}

/* The next line of the input; NULL: there is none. */
static const char *take_line(const char **text, const char *end, size_t *ret_size)
{
    const char *line = *text, *newline = memchr(line, '\n', (size_t)(end - line));
    if (!newline)
        return NULL;
    *ret_size = (size_t)(newline - line);
    *text = newline + 1;
    return line;
}

static bool is_ours(const char *line, size_t size)
{
    static const char *const names[] = {"content-length", "transfer-encoding", "expect", "connection",
                                        "upgrade"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (size >= strlen(names[i]) && strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    }
    return size == 0 || !memchr(line, ':', size) || memchr(line, '\0', size) || memchr(line, '\r', size);
}

/* False: the input has no first line that is one. */
static bool make_request(const char *text, size_t size, struct strbuf *request)
{
    const char *end = text + size;
    size_t length;
    const char *line = take_line(&text, end, &length);
    if (!line || length > HEAD_MAX || memchr(line, '\0', length) || !memchr(line, ' ', length))
        return false;
    strbuf_append(request, line, length);
    strbuf_append_text(request, " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    while ((line = take_line(&text, end, &length)) && length > 0) {
        if (!is_ours(line, length)) {
            strbuf_append(request, line, length);
            strbuf_append_text(request, "\r\n");
        }
    }
    strbuf_append_format(request, "Content-Length: %zu\r\n\r\n", (size_t)(end - text));
    strbuf_append(request, text, (size_t)(end - text));
    return !request->overflowed;
}

/* What the daemon's hooks of the fleet tell once it has come to rest. */
static void tell_rest(void)
{
    admin_sources_applied(admin);
    admin_fleet_rested(admin);
    for (size_t i = 0; i < fleet_function_count(bench.fleet); i++)
        admin_function_settled(admin, function_name(fleet_function_at(bench.fleet, i)));
}

/* What has come within this time; false: the answer has ended. */
static bool receive(int fd, struct strbuf *answer, unsigned wait_ms)
{
    char block[65536];
    uint64_t end_ms = clock_ms() + wait_ms, rest_ms = clock_ms() + REST_MS;
    while (clock_ms() < end_ms) {
        ssize_t got = recv(fd, block, sizeof(block), MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return false;
        if (got > 0) {
            strbuf_append(answer, block, (size_t)got);
            return true;
        }
        event_base_loop(bench.base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
        if (recv(fd, block, 1, MSG_DONTWAIT | MSG_PEEK) < 0)
            run_for(&bench, 1);
        if (clock_ms() > rest_ms)
            tell_rest();
    }
    return answer->length > 0; /* as much as there is for now */
}

static void refuse(const char *answer, const char *why)
{
    fprintf(stderr, "%s: %.2000s\n", why, answer);
    abort();
}

static void check(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    json_error_t wrong;
    if (strncmp(answer, "HTTP/1.1 ", 9) != 0 || answer[9] < '2' || answer[9] > '5' || !body)
        refuse(answer, "no answer");
    if (strncmp(answer + 9, "500", 3) == 0)
        refuse(answer, "500");
    if (!strstr(answer, "Content-Type: application/json\r\n") || !strstr(answer, "Content-Length: ") ||
        !body[4])
        return;
    json_t *json = json_loads(body + 4, JSON_DECODE_ANY | JSON_ALLOW_NUL, &wrong);
    if (!json)
        refuse(answer, wrong.text);
    json_decref(json);
}

/* What was deployed goes again, so that the fleet stays as large as it is. */
static void tidy(void)
{
    static const char *const names[] = {"a", "b", "hello-2"};
    char line[64];
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        cleanup_strbuf struct strbuf request, answer;
        strbuf_init(&request, HEAD_MAX);
        strbuf_init(&answer, ANSWER_MAX);
        snprintf(line, sizeof(line), "DELETE /berth/deployments/%s\n\n", names[i]);
        make_request(line, strlen(line), &request);
        int fd = connect_admin();
        if (send(fd, request.data, request.length, MSG_NOSIGNAL) > 0)
            receive(fd, &answer, WAIT_MS);
        close(fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_strbuf struct strbuf request, answer;
    strbuf_init(&request, 1u << 20);
    strbuf_init(&answer, ANSWER_MAX);
    if (!make_request((const char *)data, size, &request))
        return 0;
    if (split_place_of(request.data, request.length) != SPLIT_ADMIN)
        return 0; /* the gateway's, which has targets of its own */
    int fd = connect_admin();
    const struct timeval limit = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    for (size_t sent = 0; sent < request.length;) {
        ssize_t done = send(fd, request.data + sent, request.length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (done > 0)
            sent += (size_t)done;
        else if (errno != EAGAIN)
            break; /* it is refused before it has come */
        event_base_loop(bench.base, EVLOOP_NONBLOCK | EVLOOP_NO_EXIT_ON_EMPTY);
    }
    bool goes_on = receive(fd, &answer, WAIT_MS);
    size_t before = 0;
    while (goes_on && answer.length > before) {
        before = answer.length;
        goes_on = receive(fd, &answer, QUIET_MS);
    }
    close(fd);
    check(strbuf_text(&answer));
    if (++inputs % 500 == 0)
        tidy();
    return 0;
}
