/*
 * A small and fast HTTP/1.1 server on a unix socket, one thread, for benchmarks and volume tests: what it
 * costs hides as little as possible of what a proxy in front of it costs. Trusts its input.
 *
 *     echo_backend SOCKET [heads]
 *
 *     /hello      a small fixed answer
 *     /bytes/N    N bytes, byte i being pattern_at(i), with Content-Length
 *     /upload     reads the body and checks it against the pattern; answers how many bytes matched
 *     /slow/MS    answers after MS milliseconds
 *
 * With "heads" every request is answered with its own head, in hexadecimal as the header X-Head when it is
 * HEAD. A request with a body is answered before the body is read, and the connection closed behind the
 * answer.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define INPUT_MAX      65536
#define PATTERN_PERIOD 251
#define PATTERN_SIZE   (PATTERN_PERIOD * 256)
#define FD_MAX         65536
#define EVENTS_MAX     256

struct connection {
    int fd, timer_fd;
    size_t filled; /* of input */
    uint64_t to_send, sent; /* of a pattern body */
    uint64_t to_read, matched, position;
    bool reading_body;
    bool wants_write;
    bool ends; /* with what has been answered */
    char input[INPUT_MAX];
};

static char pattern[PATTERN_SIZE];
static int loop_fd, listen_fd;
static bool answers_heads;
static struct connection *by_fd[FD_MAX]; /* of both its descriptors */

static const char hello[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nhello, world\n";

static void watch(struct connection *connection, bool write_too)
{
    if (connection->wants_write == write_too)
        return;
    connection->wants_write = write_too;
    struct epoll_event event = {.events = EPOLLIN | (write_too ? EPOLLOUT : 0), .data.fd = connection->fd};
    epoll_ctl(loop_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static void add(int fd, struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || fd >= FD_MAX || epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        perror("echo_backend");
        exit(1);
    }
    by_fd[fd] = connection;
}

static void end(struct connection *connection)
{
    by_fd[connection->fd] = NULL;
    close(connection->fd);
    if (connection->timer_fd >= 0) {
        by_fd[connection->timer_fd] = NULL;
        close(connection->timer_fd);
    }
    free(connection);
}

static void send_text(struct connection *connection, const char *text, size_t size)
{
    ssize_t sent = send(connection->fd, text, size, MSG_NOSIGNAL);
    (void)sent; /* small answers fit; a closed peer shows at the next read */
}

/* Continues a pattern body as far as the socket takes it. A peer that has gone ends the connection. */
static void send_pattern(struct connection *connection)
{
    while (connection->sent < connection->to_send) {
        size_t from = connection->sent % PATTERN_PERIOD;
        size_t size = PATTERN_SIZE - from;
        if (size > connection->to_send - connection->sent)
            size = connection->to_send - connection->sent;
        ssize_t sent = send(connection->fd, pattern + from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            connection->ends = errno != EAGAIN;
            watch(connection, true);
            return;
        }
        connection->sent += (uint64_t)sent;
    }
    watch(connection, false);
}

static void answer_bytes(struct connection *connection, uint64_t count)
{
    char head[128];
    int size = snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %" PRIu64 "\r\n\r\n", count);
    if (count < sizeof(connection->input) / 2) { /* one piece */
        char whole[sizeof(head) + INPUT_MAX / 2];
        memcpy(whole, head, (size_t)size);
        memcpy(whole + size, pattern, count);
        send_text(connection, whole, (size_t)size + count);
        return;
    }
    send_text(connection, head, (size_t)size);
    connection->sent = 0;
    connection->to_send = count;
    send_pattern(connection);
}

static void answer_later(struct connection *connection, unsigned long ms)
{
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 + 1}};
    connection->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    timerfd_settime(connection->timer_fd, 0, &when, NULL);
    add(connection->timer_fd, connection);
}

/* How many of the bytes are those of the pattern from `position` on. */
static size_t count_matches(const char *bytes, size_t size, uint64_t position)
{
    const char *expected = pattern + position % PATTERN_PERIOD;
    if (size <= PATTERN_SIZE - PATTERN_PERIOD && memcmp(bytes, expected, size) == 0)
        return size;
    size_t matched = 0;
    for (size_t i = 0; i < size; i++)
        matched += bytes[i] == pattern[(position + i) % PATTERN_PERIOD];
    return matched;
}

static void read_upload(struct connection *connection, const char *bytes, size_t size)
{
    connection->matched += count_matches(bytes, size, connection->position);
    connection->position += size;
    connection->to_read -= size;
    if (connection->to_read > 0)
        return;
    char text[160], body[32];
    int length = snprintf(body, sizeof(body), "%" PRIu64 "\n", connection->matched);
    int total = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length, body);
    connection->reading_body = false;
    send_text(connection, text, (size_t)total);
}

static uint64_t content_length(const char *head)
{
    const char *found = strcasestr(head, "\r\ncontent-length:");
    return found ? strtoull(found + strlen("\r\ncontent-length:"), NULL, 10) : 0;
}

static void begin_upload(struct connection *connection, const char *head)
{
    connection->to_read = content_length(head);
    connection->matched = connection->position = 0;
    connection->reading_body = true;
    read_upload(connection, "", 0);
}

/* The head goes back as it came; its empty line has been cut off. */
static void answer_head(struct connection *connection, const char *head)
{
    static char text[INPUT_MAX + 256], field[4096];
    size_t length = strlen(head), at = 0;
    bool is_head = strncmp(head, "HEAD ", 5) == 0;
    if (is_head && 2 * length < sizeof(field) - 16) {
        at = (size_t)snprintf(field, sizeof(field), "X-Head: ");
        for (size_t i = 0; i < length; i++)
            at += (size_t)snprintf(field + at, sizeof(field) - at, "%02x", (unsigned char)head[i]);
        at += (size_t)snprintf(field + at, sizeof(field) - at, "\r\n");
    }
    field[at] = '\0';
    connection->ends = content_length(head) > 0 || strcasestr(head, "\r\ntransfer-encoding:");
    int size = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n%s%s\r\n%s", length,
                        field, connection->ends ? "Connection: close\r\n" : "", is_head ? "" : head);
    send_text(connection, text, (size_t)size);
}

static void answer(struct connection *connection, const char *head)
{
    const char *path = strchr(head, ' ');
    path = path ? path + 1 : "";
    if (answers_heads)
        answer_head(connection, head);
    else if (strncmp(path, "/bytes/", 7) == 0)
        answer_bytes(connection, strtoull(path + 7, NULL, 10));
    else if (strncmp(path, "/upload", 7) == 0)
        begin_upload(connection, head);
    else if (strncmp(path, "/slow/", 6) == 0)
        answer_later(connection, strtoul(path + 6, NULL, 10));
    else
        send_text(connection, hello, sizeof(hello) - 1);
}

/* Deals with what is in the input. Returns how much of it is used up. */
static size_t consume(struct connection *connection)
{
    size_t at = 0;
    while (at < connection->filled && !connection->ends) {
        if (connection->reading_body) {
            size_t size = connection->filled - at;
            size = size < connection->to_read ? size : (size_t)connection->to_read;
            read_upload(connection, connection->input + at, size);
            at += size;
            continue;
        }
        char *head = connection->input + at;
        char *stop = memmem(head, connection->filled - at, "\r\n\r\n", 4);
        if (!stop)
            break;
        stop[2] = '\0'; /* the last line keeps its end */
        at = (size_t)(stop + 4 - connection->input);
        answer(connection, head);
    }
    return at;
}

static void on_readable(struct connection *connection)
{
    ssize_t size = recv(connection->fd, connection->input + connection->filled,
                        INPUT_MAX - connection->filled, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        end(connection);
        return;
    }
    connection->filled += (size_t)size;
    size_t used = consume(connection);
    if (connection->ends) {
        end(connection);
        return;
    }
    memmove(connection->input, connection->input + used, connection->filled - used);
    connection->filled -= used;
}

static void on_writable(struct connection *connection)
{
    send_pattern(connection);
    if (connection->ends)
        end(connection);
}

static void on_timer(struct connection *connection)
{
    by_fd[connection->timer_fd] = NULL;
    close(connection->timer_fd);
    connection->timer_fd = -1;
    send_text(connection, hello, sizeof(hello) - 1);
}

static void accept_all(void)
{
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct connection *connection = calloc(1, sizeof(*connection));
        if (!connection) {
            close(fd);
            return;
        }
        connection->fd = fd;
        connection->timer_fd = -1;
        add(fd, connection);
    }
}

static void on_event(const struct epoll_event *event)
{
    struct connection *connection = by_fd[event->data.fd];
    if (event->data.fd == listen_fd)
        accept_all();
    else if (!connection)
        return; /* ended within this batch */
    else if (event->data.fd == connection->timer_fd)
        on_timer(connection);
    else if (event->events & EPOLLOUT)
        on_writable(connection);
    else
        on_readable(connection);
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0) {
        perror("echo_backend");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    answers_heads = argc == 3 && strcmp(argv[2], "heads") == 0;
    if (argc != 2 && !answers_heads) {
        fputs("usage: echo_backend SOCKET [heads]\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < PATTERN_SIZE; i++)
        pattern[i] = (char)(i % PATTERN_PERIOD);
    listen_fd = listen_on(argv[1]);
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    add(listen_fd, NULL);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        int count = epoll_wait(loop_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < count; i++)
            on_event(&events[i]);
    }
}
