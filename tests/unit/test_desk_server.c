/* The desk's server, with clients that send byte for byte what a test says. */
#include "base/strbuf.h"
#include "calls/desk_server.h"
#include "own_folder.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TRIES_MAX 100000 /* looks, of a millisecond or less each */
#define WAITING   8 /* requests that a test leaves without an answer */

struct bench {
    struct folder *folder;
    struct event_base *base;
    struct spool_room room;
    struct desk_server *server;
    struct strbuf seen; /* "function method target size" of each request */
    char fingerprint[65]; /* of the last */
    uint64_t most; /* bytes of a body; more are refused */
    bool waits; /* requests are not answered at once */
    struct desk_request *waiting[WAITING];
    size_t waiting_count;
    struct desk_answer answer;
};

static int check(void *owner, const struct desk_request *request, uint64_t more, struct error *err)
{
    const struct bench *bench = owner;
    uint64_t size = more > 0 ? desk_request_body(request).size + more : desk_request_announced(request);
    return size <= bench->most ? 0 : error_set(err, ERROR_CALLS_FULL, "too much");
}

static void refused(void *owner, struct desk_request *request, const struct error *err)
{
    struct bench *bench = owner;
    strbuf_append_format(&bench->seen, "refused: %s\n", err->message);
    desk_request_answer(request, &(struct desk_answer){.status = 503});
}

static void whole(void *owner, struct desk_request *request)
{
    struct bench *bench = owner;
    const struct desk_ask *ask = desk_request_ask(request);
    const char *fingerprint = desk_request_fingerprint(request);
    snprintf(bench->fingerprint, sizeof(bench->fingerprint), "%s", fingerprint ? fingerprint : "");
    strbuf_append_format(&bench->seen, "%s %s %s %llu\n", ask->function, ask->method, ask->target,
                         (unsigned long long)desk_request_body(request).size);
    if (bench->waits)
        bench->waiting[bench->waiting_count++] = request;
    else
        desk_request_answer(request, &bench->answer);
}

static int open_bench(void **state)
{
    make_folder(state);
    struct bench *bench = xcalloc(1, sizeof(*bench));
    struct error err;
    bench->folder = *state;
    bench->base = event_base_new();
    bench->room.dir = bench->folder->path;
    bench->most = 1 << 30;
    bench->answer = (struct desk_answer){.status = 202, .body = {.bytes = "ok", .size = 2}};
    strbuf_init(&bench->seen, 1 << 20);
    const struct desk_handler handler = {.check = check, .refused = refused, .whole = whole, .owner = bench};
    assert_int_equal(
        desk_server_create(bench->base, bench->folder->file, &bench->room, &handler, &bench->server, &err),
        0);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    struct folder *folder = bench->folder;
    desk_server_destroy(bench->server);
    assert_int_equal(bench->room.bytes, 0);
    assert_false(fs_exists(folder->file));
    event_base_free(bench->base);
    strbuf_clear(&bench->seen);
    free(bench);
    *state = folder;
    return remove_folder(state);
}

static void turn(struct bench *bench)
{
    struct timeval soon = {.tv_usec = 1000};
    event_base_loopexit(bench->base, &soon);
    event_base_loop(bench->base, EVLOOP_ONCE);
}

static int connect_to(const struct bench *bench)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench->folder->file);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_all(struct bench *bench, int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent > 0) {
            bytes += sent;
            size -= (size_t)sent;
        }
        turn(bench);
    }
}

static void send_text(struct bench *bench, int fd, const char *text)
{
    send_all(bench, fd, text, strlen(text));
}

/* Reads until so many bytes have come behind the head, or the end. */
static void read_answer(struct bench *bench, int fd, size_t body_size, struct strbuf *ret_text)
{
    char piece[65536];
    strbuf_init(ret_text, 64 << 20);
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        ssize_t size = recv(fd, piece, sizeof(piece), 0);
        if (size == 0)
            return;
        if (size > 0)
            strbuf_append(ret_text, piece, (size_t)size);
        const char *end = strstr(strbuf_text(ret_text), "\r\n\r\n");
        if (end && ret_text->length - (size_t)(end + 4 - ret_text->data) >= body_size)
            return;
        turn(bench);
    }
    fail_msg("no answer");
}

static void expect_answer(struct bench *bench, int fd, const char *start)
{
    cleanup_strbuf struct strbuf text;
    read_answer(bench, fd, 2, &text);
    if (strncmp(strbuf_text(&text), start, strlen(start)) != 0)
        fail_msg("%s", strbuf_text(&text));
}

static void expect_end(struct bench *bench, int fd)
{
    char byte;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        ssize_t size = recv(fd, &byte, 1, 0);
        assert_true(size <= 0);
        if (size == 0)
            return;
        turn(bench);
    }
    fail_msg("it stays open");
}

static void wait_waiting(struct bench *bench, size_t count)
{
    for (unsigned tries = 0; tries < TRIES_MAX && bench->waiting_count < count; tries++)
        turn(bench);
    assert_int_equal(bench->waiting_count, count);
}

#define HEAD(method, target, rest)                                                                           \
    method " " target " HTTP/1.1\r\nHost: h\r\nX-Berth-Async: accept f\r\n" rest "\r\n"

static void a_connection_serves_one_request_after_the_other(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench);
    send_text(bench, fd, HEAD("POST", "/a?b", "Content-Length: 5\r\n") "hello");
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    send_text(bench, fd, HEAD("GET", "/c", ""));
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    send_text(bench, fd,
              HEAD("PUT", "/d", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    assert_string_equal(strbuf_text(&bench->seen), "f POST /a?b 5\nf GET /c 0\nf PUT /d 5\n");
    close(fd);
}

static void heads_and_bodies_may_come_in_pieces(void **state)
{
    struct bench *bench = *state;
    static const char text[] = HEAD("POST", "/a", "Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n0\r\n\r\n";
    int fd = connect_to(bench);
    for (size_t i = 0; i + 1 < sizeof(text); i++)
        send_all(bench, fd, text + i, 1);
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    assert_string_equal(strbuf_text(&bench->seen), "f POST /a 3\n");
    close(fd);
}

static void large_bodies_and_heads_are_taken(void **state)
{
    struct bench *bench = *state;
    size_t size = 3 << 20, head_size = 300 << 10;
    char *body = xcalloc(1, size), *filler = xcalloc(1, head_size + 1);
    int fd = connect_to(bench);
    memset(filler, 'x', head_size);
    char *head = xasprintf(HEAD("POST", "/a", "Content-Length: %zu\r\nX-Large: %s\r\n"), size, filler);
    send_text(bench, fd, head);
    send_all(bench, fd, body, size);
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    assert_string_equal(strbuf_text(&bench->seen), "f POST /a 3145728\n");
    free(head);
    free(filler);
    free(body);
    close(fd);
}

static void requests_may_wait_for_their_answers(void **state)
{
    struct bench *bench = *state;
    int first = connect_to(bench), second = connect_to(bench);
    bench->waits = true;
    send_text(bench, first, HEAD("GET", "/first", ""));
    send_text(bench, second, HEAD("GET", "/second", ""));
    wait_waiting(bench, 2);
    for (size_t i = 2; i-- > 0;)
        desk_request_answer(bench->waiting[i], &bench->answer);
    expect_answer(bench, first, "HTTP/1.1 202 Accepted\r\n");
    expect_answer(bench, second, "HTTP/1.1 202 Accepted\r\n");
    close(first);
    close(second);
}

static void who_leaves_is_answered_in_vain(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench);
    bench->waits = true;
    send_text(bench, fd, HEAD("GET", "/", ""));
    wait_waiting(bench, 1);
    close(fd);
    for (unsigned i = 0; i < 10; i++)
        turn(bench);
    desk_request_answer(bench->waiting[0], &bench->answer);
    fd = connect_to(bench);
    bench->waits = false;
    send_text(bench, fd, HEAD("GET", "/", ""));
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    close(fd);
}

static void bytes_behind_a_request_end_the_connection_with_its_answer(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench);
    send_text(bench, fd, HEAD("POST", "/", "Content-Length: 1\r\n") "xGET / HTTP/1.1\r\n");
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    expect_end(bench, fd);
    assert_string_equal(strbuf_text(&bench->seen), "f POST / 1\n");
    close(fd);
}

static void what_is_too_much_is_refused_when_it_is_known(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        HEAD("POST", "/", "Content-Length: 11\r\n"),
        HEAD("POST", "/", "Transfer-Encoding: chunked\r\n") "5\r\nabcde\r\n6\r\nabcdef\r\n",
    };
    bench->most = 10;
    for (size_t i = 0; i < 2; i++) {
        int fd = connect_to(bench);
        send_text(bench, fd, texts[i]);
        expect_answer(bench, fd, "HTTP/1.1 503 ");
        close(fd);
    }
    assert_string_equal(strbuf_text(&bench->seen), "refused: too much\nrefused: too much\n");
}

static void what_is_no_request_of_the_gateway_is_hung_up_on(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        HEAD("POST", "/", "Transfer-Encoding: chunked\r\n") "z\r\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        int fd = connect_to(bench);
        send_text(bench, fd, texts[i]);
        expect_end(bench, fd);
        close(fd);
    }
    assert_string_equal(strbuf_text(&bench->seen), "");
}

static void a_client_that_waits_to_send_is_told_to_go_on(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench);
    send_text(bench, fd, HEAD("POST", "/", "Content-Length: 2\r\nExpect: 100-continue\r\n"));
    cleanup_strbuf struct strbuf text;
    read_answer(bench, fd, 0, &text);
    assert_string_equal(strbuf_text(&text), "HTTP/1.1 100 Continue\r\n\r\n");
    send_text(bench, fd, "ab");
    expect_answer(bench, fd, "HTTP/1.1 202 Accepted\r\n");
    close(fd);
}

static void files_are_sent_as_they_are_read(void **state)
{
    struct bench *bench = *state;
    char *path = xasprintf("%s/result", bench->folder->path);
    size_t size = 5 << 20;
    char *bytes = xcalloc(1, size);
    struct error err;
    memset(bytes, 'r', size);
    assert_int_equal(fs_write_file(path, bytes, size, 0600, &err), 0);
    bench->answer = (struct desk_answer){
        .status = 200, .head = "X-Own: 1\r\n", .content_type = "a/b", .body = {.file = path, .size = size}};
    int fd = connect_to(bench);
    for (unsigned i = 0; i < 2; i++) {
        cleanup_strbuf struct strbuf text;
        send_text(bench, fd, HEAD("GET", "/", ""));
        read_answer(bench, fd, size, &text);
        const char *body = strstr(text.data, "\r\n\r\n") + 4;
        assert_non_null(strstr(text.data, "\r\nContent-Length: 5242880\r\n"));
        assert_non_null(strstr(text.data, "\r\nContent-Type: a/b\r\n"));
        assert_non_null(strstr(text.data, "\r\nX-Own: 1\r\n"));
        assert_memory_equal(body, bytes, size);
        assert_int_equal(text.length - (size_t)(body - text.data), size);
    }
    unlink(path);
    send_text(bench, fd, HEAD("GET", "/", ""));
    cleanup_strbuf struct strbuf cut;
    read_answer(bench, fd, size, &cut);
    assert_true(cut.length < size);
    free(bytes);
    free(path);
    close(fd);
}

static void answers_to_head_have_no_body(void **state)
{
    struct bench *bench = *state;
    int fd = connect_to(bench);
    for (unsigned i = 0; i < 2; i++) {
        cleanup_strbuf struct strbuf text;
        send_text(bench, fd, HEAD("HEAD", "/", ""));
        read_answer(bench, fd, 0, &text);
        assert_non_null(strstr(strbuf_text(&text), "Content-Length: 2\r\n"));
        assert_string_equal(strstr(strbuf_text(&text), "\r\n\r\n"), "\r\n\r\n");
    }
    close(fd);
}

/* The fingerprint of what was asked for with a key tells other requests apart. */
static void requests_with_a_key_have_a_fingerprint(void **state)
{
    struct bench *bench = *state;
    static const char *const texts[] = {
        HEAD("POST", "/", "Idempotency-Key: k\r\nContent-Length: 2\r\n") "ab",
        HEAD("POST", "/", "Idempotency-Key: k\r\nContent-Length: 2\r\n") "ac",
        HEAD("PUT", "/", "Idempotency-Key: k\r\nContent-Length: 2\r\n") "ab",
        HEAD("POST", "/?", "Idempotency-Key: k\r\nContent-Length: 2\r\n") "ab",
    };
    char prints[4][65];
    int fd = connect_to(bench);
    for (size_t i = 0; i < 4; i++) {
        send_text(bench, fd, texts[i]);
        expect_answer(bench, fd, "HTTP/1.1 202 ");
        snprintf(prints[i], sizeof(prints[i]), "%s", bench->fingerprint);
        assert_int_equal(strlen(prints[i]), 64);
        for (size_t before = 0; before < i; before++)
            assert_string_not_equal(prints[before], prints[i]);
    }
    send_text(bench, fd,
              HEAD("POST", "/",
                   "Idempotency-Key: k\r\nTransfer-Encoding: chunked\r\n") "1\r\na\r\n1\r\nb\r\n0\r\n\r\n");
    expect_answer(bench, fd, "HTTP/1.1 202 ");
    assert_string_equal(bench->fingerprint, prints[0]);
    send_text(bench, fd, HEAD("POST", "/", "Content-Length: 2\r\n") "ab");
    expect_answer(bench, fd, "HTTP/1.1 202 ");
    assert_string_equal(bench->fingerprint, "");
    close(fd);
}

static void more_connections_than_may_be_wait(void **state)
{
    struct bench *bench = *state;
    int fds[DESK_CONNECTIONS_MAX + 1];
    for (size_t i = 0; i <= DESK_CONNECTIONS_MAX; i++) {
        fds[i] = connect_to(bench);
        turn(bench);
    }
    send_text(bench, fds[DESK_CONNECTIONS_MAX], HEAD("GET", "/", ""));
    for (unsigned i = 0; i < 20; i++)
        turn(bench);
    assert_string_equal(strbuf_text(&bench->seen), "");
    close(fds[0]);
    expect_answer(bench, fds[DESK_CONNECTIONS_MAX], "HTTP/1.1 202 ");
    for (size_t i = 1; i <= DESK_CONNECTIONS_MAX; i++)
        close(fds[i]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_connection_serves_one_request_after_the_other),
        TEST(heads_and_bodies_may_come_in_pieces),
        TEST(large_bodies_and_heads_are_taken),
        TEST(requests_may_wait_for_their_answers),
        TEST(who_leaves_is_answered_in_vain),
        TEST(bytes_behind_a_request_end_the_connection_with_its_answer),
        TEST(what_is_too_much_is_refused_when_it_is_known),
        TEST(what_is_no_request_of_the_gateway_is_hung_up_on),
        TEST(a_client_that_waits_to_send_is_told_to_go_on),
        TEST(files_are_sent_as_they_are_read),
        TEST(answers_to_head_have_no_body),
        TEST(requests_with_a_key_have_a_fingerprint),
        TEST(more_connections_than_may_be_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
