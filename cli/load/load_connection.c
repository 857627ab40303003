#include "cli/load/load_connection.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

const char *load_end_name(enum load_end end)
{
    static const char *const names[] = {
        [LOAD_ANSWERED] = "status", [LOAD_CONNECT] = "connect",     [LOAD_RESET] = "reset",
        [LOAD_TIMEOUT] = "timeout", [LOAD_MALFORMED] = "malformed",
    };
    return names[end];
}

/* --- the end of a request --- */

static void disconnect(struct load_connection *connection)
{
    if (connection->fd < 0)
        return;
    event_free(connection->readable);
    event_free(connection->writable);
    close(connection->fd);
    connection->fd = -1;
    connection->is_connecting = false;
}

static void end(struct load_connection *connection, enum load_end how, const char *problem)
{
    const bool answered = how == LOAD_ANSWERED;
    const struct load_result result = {.end = how,
                                       .status = answered ? load_answer_status(&connection->answer) : 0,
                                       .request_id = connection->answer.request_id,
                                       .problem = problem,
                                       .bytes = connection->bytes};
    connection->is_busy = false;
    if (!answered || !connection->answer.is_kept)
        disconnect(connection);
    connection->wire->on_end(connection, &result, connection->wire->context);
}

/* --- the answer --- */

/* A request that has not left when its answer is there leaves no connection behind: nobody may read the rest.
 */
static void take(struct load_connection *connection, size_t size)
{
    connection->bytes += size;
    switch (load_answer_take(&connection->answer, connection->wire->buffer, size)) {
    case LOAD_READING_MORE:
        break;
    case LOAD_READING_DONE:
        if (connection->sent < connection->wire->plan->request_bytes)
            connection->answer.is_kept = false;
        end(connection, LOAD_ANSWERED, "");
        break;
    case LOAD_READING_MALFORMED:
        end(connection, LOAD_MALFORMED, load_answer_problem(&connection->answer));
        break;
    }
}

static void take_end(struct load_connection *connection, const char *problem)
{
    if (!*problem && load_answer_finish(&connection->answer) == LOAD_READING_DONE)
        end(connection, LOAD_ANSWERED, "");
    else
        end(connection, LOAD_RESET, *problem ? problem : "the connection was closed before the answer's end");
}

/* --- the socket --- */

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct load_connection *connection = context;
    const ssize_t size = recv(fd, connection->wire->buffer, sizeof(connection->wire->buffer), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (!connection->is_busy)
        disconnect(connection); /* the other side has had enough of an idle one */
    else if (size > 0)
        take(connection, (size_t)size);
    else
        take_end(connection, size < 0 ? strerror(errno) : "");
}

static void send_rest(struct load_connection *connection)
{
    const struct load_plan *plan = connection->wire->plan;
    const ssize_t size = send(connection->fd, plan->request + connection->sent,
                              plan->request_bytes - connection->sent, MSG_NOSIGNAL);
    if (size > 0)
        connection->sent += (size_t)size;
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        /* Whoever refuses a body may have said so before: the answer tells more than this. */
        if (connection->sent == 0)
            end(connection, LOAD_RESET, strerror(errno));
        return;
    }
    if (connection->sent < plan->request_bytes)
        event_add(connection->writable, NULL);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct load_connection *connection = context;
    int code = 0;
    socklen_t size = sizeof(code);
    if (connection->is_connecting && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0) {
        end(connection, LOAD_CONNECT, strerror(code));
        return;
    }
    connection->is_connecting = false;
    event_add(connection->readable, NULL);
    send_rest(connection);
}

static void open_socket(struct load_connection *connection)
{
    const struct load_plan *plan = connection->wire->plan;
    const int on = 1;
    int fd = socket(plan->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        end(connection, LOAD_CONNECT, strerror(errno));
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->fd = fd;
    connection->readable =
        event_new(connection->wire->base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    connection->writable = event_new(connection->wire->base, fd, EV_WRITE, on_writable, connection);
    connection->is_connecting = true;
    if (connect(fd, (const struct sockaddr *)&plan->address, plan->address_length) < 0 &&
        errno != EINPROGRESS)
        end(connection, LOAD_CONNECT, strerror(errno));
    else
        event_add(connection->writable, NULL);
}

/* --- life --- */

void load_connection_init(struct load_connection *connection, struct load_wire *wire)
{
    *connection = (struct load_connection){.wire = wire, .fd = -1};
}

void load_connection_begin(struct load_connection *connection)
{
    connection->is_busy = true;
    connection->sent = 0;
    connection->bytes = 0;
    load_answer_begin(&connection->answer, connection->wire->plan->is_head);
    if (connection->fd < 0)
        open_socket(connection);
    else
        send_rest(connection);
}

void load_connection_expire(struct load_connection *connection)
{
    end(connection, connection->is_connecting ? LOAD_CONNECT : LOAD_TIMEOUT, "no answer came in time");
}

void load_connection_clear(struct load_connection *connection)
{
    disconnect(connection);
}
