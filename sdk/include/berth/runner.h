/*
 * The runner library of Berth: docs/runner-protocol.md for programs in C, on blocking sockets.
 *
 * A runner is the process in a container that runs a function's handler. The simplest one fills a struct
 * berth_runner and calls berth_runner_run() from main(), which serves each slot on a thread of its own.
 *
 * A program that must own its threads (an interpreter, say) uses the three layers below that call directly:
 *
 *   struct berth_connection   one connection to the host, that is one slot: dial, wait for the next request
 *   struct berth_request      what the host sent, and the response to it
 *   struct berth_instance     the function that `init` loads, shared by all connections
 *
 * Threads: a connection and its request belong to one thread at a time, except berth_connection_interrupt().
 * An instance may be used from any thread.
 *
 * Errors: calls that return int or ssize_t give -1 and set errno. EPIPE or ECONNRESET means that the host
 * has gone, which means that the client has gone: stop the work.
 *
 * Memory: a connection keeps its buffers from request to request, so small requests allocate nothing.
 * Everything reached through a request is valid until berth_request_finish().
 */
#ifndef BERTH_RUNNER_H
#define BERTH_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BERTH_SOCKET_DEFAULT  "/run/berth/host.sock"
#define BERTH_CONCURRENCY_MAX 1024

struct berth_connection;
struct berth_request;
struct berth_instance;

/* A header as it came or as it is to be sent. Texts of a request end with a NUL after their length. */
struct berth_header {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
};

/* ---- Connections ------------------------------------------------------------------------------------- */

/* A connection that is not yet open, with its buffers. NULL: out of memory. */
struct berth_connection *berth_connection_create(void);

/* Closes and frees. NULL is allowed. */
void berth_connection_destroy(struct berth_connection *connection);

/* Connects to the unix socket at `path`. */
int berth_connection_dial(struct berth_connection *connection, const char *path);

/* Takes over `fd`, a connected stream socket, instead of dialling. */
void berth_connection_attach(struct berth_connection *connection, int fd);

/* Closes the socket; the buffers stay for the next dial. Closing twice is fine. */
void berth_connection_close(struct berth_connection *connection);

/* The socket, for poll(2), or -1. */
int berth_connection_fd(const struct berth_connection *connection);

/* Waits for the head of the next request. 1: *ret_request is there and must be given to
 * berth_request_finish() before the next call. 0: closed by the host or interrupted between two requests.
 * -1: it broke, or what came is not HTTP/1.1 (EPROTO; a status that says so has been sent). After 0 and -1
 * the connection is closed. */
int berth_connection_next(struct berth_connection *connection, struct berth_request **ret_request);

/* From any thread: ends a berth_connection_next() that waits, now or later, with 0. A request under way is
 * not disturbed, and one that came at the same moment is still delivered. */
void berth_connection_interrupt(struct berth_connection *connection);

/* ---- Requests ---------------------------------------------------------------------------------------- */

const char *berth_request_method(const struct berth_request *request);

/* The target as it came: path and query, percent-encoding untouched. */
const char *berth_request_target(const struct berth_request *request);

/* The path: the first *ret_length bytes of the target, not ended by a NUL when a query follows. */
const char *berth_request_path(const struct berth_request *request, size_t *ret_length);

/* What follows the first "?" of the target, or NULL when there is none. */
const char *berth_request_query(const struct berth_request *request);

/* The value of the first header of that name, in any case, or NULL. */
const char *berth_request_header(const struct berth_request *request, const char *name);

/* All headers in the order they came. */
const struct berth_header *berth_request_headers(const struct berth_request *request, size_t *ret_count);

/* The length of the body, or -1 when it is chunked and so not known before its end. */
int64_t berth_request_content_length(const struct berth_request *request);

/* Reads the next part of the body. 0: its end. -1: it was cut short (ECONNRESET) or malformed (EPROTO). The
 * first read sends the `100 Continue` that the client may be waiting for. Trailers are dropped. */
ssize_t berth_request_read(struct berth_request *request, void *buffer, size_t size);

/* The same without waiting: EAGAIN when nothing is there, then poll(2) the socket for POLLIN. */
ssize_t berth_request_try_read(struct berth_request *request, void *buffer, size_t size);

/* True when the host has closed the connection, that is when nobody waits for the answer. One system call. */
bool berth_request_cancelled(const struct berth_request *request);

/* The connection that the request came on. */
struct berth_connection *berth_request_connection(const struct berth_request *request);

/* Ends the request in every case: answers 500 when nothing was, ends the body of the response, drops what is
 * left of the request's body when that is little. True: the connection is ready for the next request. False:
 * it has been closed. */
bool berth_request_finish(struct berth_request *request);

/* ---- Responses --------------------------------------------------------------------------------------- */

/* Begins the response. `content_length`: the body's length, or -1 when it is not known. The head is sent
 * together with the first bytes of the body.
 *
 * The library frames the body: Content-Length, Transfer-Encoding and Keep-Alive among `headers` are left
 * out, and so is Connection, but "close" is obeyed. EINVAL, with nothing begun: a status outside 200 to 999,
 * a name that is no token, a value with a control character. EALREADY: the response has begun.
 *
 * `status` 101 accepts an upgrade: the head is sent at once, reads and writes carry the bytes of the tunnel,
 * and the connection closes when the request is finished. EINVAL when the request asked for none. */
int berth_response_start(struct berth_request *request, int status, const struct berth_header *headers,
                         size_t count, int64_t content_length);

/* Sends body bytes now. More than `content_length` in all: EMSGSIZE, and the connection will close. For HEAD,
 * 204 and 304 the bytes are dropped. */
int berth_response_write(struct berth_request *request, const void *bytes, size_t size);

/* Sends a head that waits for its first body bytes. */
int berth_response_flush(struct berth_request *request);

/* Ends the body. When fewer bytes than `content_length` were written the connection will close, so that the
 * client sees the truncation. */
int berth_response_end(struct berth_request *request);

/* An informational response (102 to 199, as `103 Early Hints`) before the final one. */
int berth_response_inform(struct berth_request *request, int status, const struct berth_header *headers,
                          size_t count);

/* Gives up a response that has begun: the connection closes without the body's end. */
void berth_response_abort(struct berth_request *request);

bool berth_response_started(const struct berth_request *request);

/* A whole response in one write. `content_type` may be NULL. */
int berth_response_send(struct berth_request *request, int status, const char *content_type, const void *body,
                        size_t size);

/* Why a request is not answered by the function. Texts are UTF-8; bytes that are not become U+FFFD. Those
 * that are NULL take the words behind them. Newer versions append members. */
struct berth_failure {
    size_t struct_size;
    const char *component; /* "function", or "runner" for what the function has no part in; "function" */
    const char *reason; /* a stable slug for programs; "failed" */
    const char *message; /* one sentence for people; "" */
    const char *hint; /* what to do next; "" */
    const char *traceback; /* many lines for people; left out */
};

/* A whole response, {"error": {"component", "reason", "message", "hint", "request_id", "traceback"}}: the
 * shape that errors of the host have, too. One line on standard error says the same, marked with the
 * request's id. */
int berth_response_failure(struct berth_request *request, int status, const struct berth_failure *failure);

/* The same for a failure of the function of which there is nothing more to say than a message, and a
 * traceback or NULL. */
int berth_response_error(struct berth_request *request, int status, const char *message,
                         const char *traceback);

/* ---- The function ------------------------------------------------------------------------------------ */

/* The settings that `init` brought. The texts live as long as the instance. Newer versions append members. */
struct berth_init {
    size_t struct_size;
    const char *function;
    const char *revision;
    const char *instance;
    const char *code; /* absolute path of the package */
    const char *dependencies; /* absolute path, or NULL */
    unsigned concurrency; /* 1 to BERTH_CONCURRENCY_MAX */
    int64_t timeout_ms;
    const char *runtime; /* what the plugin's launch gave, as JSON text of an object; "{}" when nothing */
    const char *work; /* absolute path of the working directory, which is the current one; or NULL */
};

/* A member of `runtime`, or `fallback` when it is missing or has another type. */
const char *berth_init_string(const struct berth_init *init, const char *name, const char *fallback);
int64_t berth_init_integer(const struct berth_init *init, const char *name, int64_t fallback);

/* Why a function cannot load. Zeroed before the call; both texts are UTF-8. */
struct berth_load_error {
    size_t struct_size;
    char message[512]; /* one sentence */
    char traceback[16384]; /* many lines; may stay empty */
};

/* What a runner does. Every callback but `handle` may be NULL. */
struct berth_runner {
    size_t struct_size; /* sizeof(struct berth_runner) */
    void *context; /* for `load` */

    /* Loads the function, once, after its environment is set and its working directory is entered. 0 with
     * *ret_function, or -1 with `err`: the host answers the waiting requests with it. */
    int (*load)(void *context, const struct berth_init *init, void **ret_function,
                struct berth_load_error *err);

    /* Answers one request; on several threads at once. berth_request_finish() is called after it. */
    void (*handle)(void *function, struct berth_request *request);

    /* Frees what `load` made, when no request is under way. */
    void (*unload)(void *function);
};

/* `runner` is borrowed as long as the instance lives. NULL: out of memory. */
struct berth_instance *berth_instance_create(const struct berth_runner *runner);

/* Unloads the function and frees. No other thread may be in it. NULL is allowed. */
void berth_instance_destroy(struct berth_instance *instance);

enum berth_served {
    BERTH_SERVED = 0, /* the connection is ready for the next request */
    BERTH_CLOSED = 1, /* the connection has been closed */
    BERTH_LOADED = 2, /* this was the `init` that loaded the function: open the other slots. The connection
                       * may have been closed; berth_connection_next() tells. */
};

/* Answers and finishes one request: `init` by loading the function (idempotent; 409 for another revision),
 * everything else by `handle`, 503 as long as nothing is loaded. BERTH_LOADED is given once. */
enum berth_served berth_instance_serve(struct berth_instance *instance, struct berth_request *request);

/* The same for `init` alone, for programs that call their handlers themselves. False: the request is not an
 * `init` and has not been touched. Else *ret_served says what became of it. */
bool berth_instance_serve_init(struct berth_instance *instance, struct berth_request *request,
                               enum berth_served *ret_served);

/* What `load` made and the settings it was given; NULL until then. */
void *berth_instance_function(struct berth_instance *instance);
const struct berth_init *berth_instance_settings(struct berth_instance *instance);

/* ---- The whole runner -------------------------------------------------------------------------------- */

/* How long to wait before the next dial: nothing the first time, then 20 ms, doubling up to 100 ms. Zero the
 * struct to begin with. */
struct berth_redial {
    unsigned failures;
};

/* The milliseconds to wait before the dial that is due now. `useful`: the connection before it carried a
 * request or lived for a second, so the count begins again. */
unsigned berth_redial_delay_ms(struct berth_redial *redial, bool useful);

/* Serves until SIGTERM or SIGINT, then finishes what is under way. Returns the exit status for main(): 0, or
 * 1 after a message on standard error when it cannot start. To be called on the only thread of the process;
 * blocks both signals in it, and threads that it starts inherit the mask. */
int berth_runner_run(const struct berth_runner *runner);

#ifdef __cplusplus
}
#endif

#endif
