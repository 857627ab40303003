#include "connection.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* IDLE while the owner waits in recv(2) for a request. Whoever moves IDLE away decides: the owner to BUSY
 * when bytes have come, an interrupter to INTERRUPTING and, when it no longer needs the socket, to
 * INTERRUPTED. An interrupter that finds BUSY leaves INTERRUPTED for the owner to find. */
enum connection_state {
    CONNECTION_IDLE,
    CONNECTION_BUSY,
    CONNECTION_INTERRUPTING,
    CONNECTION_INTERRUPTED,
};

struct berth_connection *berth_connection_create(void)
{
    struct berth_connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return NULL;
    connection->fd = -1;
    atomic_init(&connection->state, CONNECTION_BUSY);
    connection->capacity = INPUT_SIZE;
    connection->output_capacity = OUTPUT_SIZE;
    connection->input = malloc(INPUT_SIZE);
    connection->output = malloc(OUTPUT_SIZE);
    connection->request.headers = calloc(HEADERS_START, sizeof(struct berth_header));
    connection->request.header_capacity = HEADERS_START;
    if (!connection->input || !connection->output || !connection->request.headers) {
        berth_connection_destroy(connection);
        return NULL;
    }
    return connection;
}

void berth_connection_destroy(struct berth_connection *connection)
{
    if (!connection)
        return;
    berth_connection_close(connection);
    free(connection->input);
    free(connection->output);
    free(connection->request.headers);
    free(connection);
}

int berth_connection_dial(struct berth_connection *connection, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    while (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        if (errno == EINTR)
            continue;
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    berth_connection_attach(connection, fd);
    return 0;
}

void berth_connection_attach(struct berth_connection *connection, int fd)
{
    berth_connection_close(connection);
    connection->position = 0;
    connection->end = 0;
    connection->fd = fd;
}

void berth_connection_close(struct berth_connection *connection)
{
    if (connection->fd >= 0)
        close(connection->fd);
    connection->fd = -1;
}

int berth_connection_fd(const struct berth_connection *connection)
{
    return connection->fd;
}

ssize_t berth_connection_receive(struct berth_connection *connection, void *buffer, size_t size, int flags)
{
    for (;;) {
        ssize_t received = recv(connection->fd, buffer, size, flags);
        if (received >= 0 || errno != EINTR)
            return received;
    }
}

static int give_up(struct berth_connection *connection, int errnum)
{
    berth_connection_close(connection);
    errno = errnum;
    return -1;
}

/* The head is not HTTP, so all that can be said is why. */
static int refuse_head(struct berth_connection *connection)
{
    int status = connection->refusal ? connection->refusal : 400;
    char text[128];
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 %d \r\nConnection: close\r\nContent-Length: 0\r\n\r\n", status);
    (void)!send(connection->fd, text, (size_t)length, MSG_NOSIGNAL);
    return give_up(connection, EPROTO);
}

/* Moves what came after the last request to the front, and gives back the memory of an unusual head. */
static void rewind_input(struct berth_connection *connection)
{
    size_t left = connection->end - connection->position;
    if (left > 0)
        memmove(connection->input, connection->input + connection->position, left);
    connection->position = 0;
    connection->end = left;
    if (connection->capacity > INPUT_SIZE && left < INPUT_SIZE) {
        char *smaller = realloc(connection->input, INPUT_SIZE);
        if (smaller) {
            connection->input = smaller;
            connection->capacity = INPUT_SIZE;
        }
    }
}

/* The parser has taken texts from the buffer that moves, so it begins again. */
static bool grow_input(struct berth_connection *connection)
{
    size_t capacity = connection->capacity * 2;
    connection->refusal = 431;
    if (capacity > INPUT_MAX)
        return false;
    char *larger = realloc(connection->input, capacity);
    if (!larger)
        return false;
    connection->input = larger;
    connection->capacity = capacity;
    connection->position = 0;
    berth_head_begin(connection);
    return true;
}

/* Receives more of a head: > 0, 0 at the end of the stream, -1. */
static ssize_t receive_head(struct berth_connection *connection)
{
    ssize_t received = berth_connection_receive(connection, connection->input + connection->end,
                                                connection->capacity - INPUT_RESERVE - connection->end, 0);
    if (received > 0)
        connection->end += (size_t)received;
    return received;
}

/* Between two requests: waits for the first bytes of the next. */
static ssize_t receive_first(struct berth_connection *connection)
{
    int expected = CONNECTION_BUSY;
    if (!atomic_compare_exchange_strong(&connection->state, &expected, CONNECTION_IDLE))
        return 0;
    ssize_t received = receive_head(connection);
    int errnum = errno;
    expected = CONNECTION_IDLE;
    if (!atomic_compare_exchange_strong(&connection->state, &expected, CONNECTION_BUSY))
        while (atomic_load(&connection->state) == CONNECTION_INTERRUPTING)
            sched_yield();
    errno = errnum;
    return received;
}

int berth_connection_next(struct berth_connection *connection, struct berth_request **ret_request)
{
    rewind_input(connection);
    berth_head_begin(connection);
    if (connection->end == 0) {
        ssize_t received = receive_first(connection);
        if (received == 0 || (received < 0 && errno == ECONNRESET)) {
            berth_connection_close(connection);
            return 0;
        }
        if (received < 0)
            return give_up(connection, errno);
    }
    for (;;) {
        enum head_result result = berth_head_parse(connection);
        if (result == HEAD_COMPLETE)
            break;
        if (result == HEAD_BAD)
            return refuse_head(connection);
        if (connection->end < connection->capacity - INPUT_RESERVE) {
            ssize_t received = receive_head(connection);
            if (received <= 0)
                return give_up(connection, received < 0 ? errno : ECONNRESET);
        } else if (!grow_input(connection)) {
            return refuse_head(connection);
        }
    }
    berth_head_terminate(connection);
    *ret_request = &connection->request;
    return 1;
}

void berth_connection_interrupt(struct berth_connection *connection)
{
    int expected = CONNECTION_BUSY;
    if (atomic_compare_exchange_strong(&connection->state, &expected, CONNECTION_INTERRUPTED))
        return;
    expected = CONNECTION_IDLE;
    if (!atomic_compare_exchange_strong(&connection->state, &expected, CONNECTION_INTERRUPTING)) {
        /* BUSY again since the first look: the request that came is served, the next wait ends. */
        if (expected == CONNECTION_BUSY)
            berth_connection_interrupt(connection);
        return;
    }
    shutdown(connection->fd, SHUT_RD);
    atomic_store(&connection->state, CONNECTION_INTERRUPTED);
}
