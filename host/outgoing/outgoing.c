#include "outgoing/outgoing.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/network.h"
#include "outgoing/curl_loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_AGAIN_MS 10 /* while the backlog of a unix socket is full */

TAILQ_HEAD(outgoing_requests, outgoing_request);

struct outgoing {
    struct curl_loop loop;
    struct outgoing_requests requests;
    struct outgoing_requests cancelled; /* while curl was on the stack; to be freed after it */
};

struct outgoing_request {
    struct outgoing *client;
    TAILQ_ENTRY(outgoing_request) link;
    CURL *easy;
    bool added; /* to the loop */
    struct curl_slist *headers;
    struct event begin;
    const struct outgoing_callbacks *callbacks; /* NULL: cancelled, or ended */
    void *owner;

    bool local; /* over a unix socket */
    uint64_t connect_by_ms;
    int socket_errnum; /* why there is no socket */
    const char *refusal; /* of an address that was judged; NULL: none was refused */

    size_t head_size;
    bool head_done;
    enum outgoing_outcome broken; /* why it was broken off from a callback; OUTGOING_ANSWERED: it was not */
    const char *broken_text;
    char curl_text[CURL_ERROR_SIZE]; /* what curl has to say of a failure; may be empty */
};

/* They may hold a password. */
static void wipe_headers(struct outgoing_request *request)
{
    for (struct curl_slist *header = request->headers; header; header = header->next)
        explicit_bzero(header->data, strlen(header->data));
    curl_slist_free_all(request->headers);
}

static void request_free(struct outgoing_request *request)
{
    event_del(&request->begin);
    if (request->added)
        curl_loop_remove(&request->client->loop, request->easy);
    curl_easy_cleanup(request->easy);
    wipe_headers(request);
    free(request);
}

/* --- curl is on the stack --- */

static void break_off(struct outgoing_request *request, enum outgoing_outcome outcome, const char *text)
{
    request->broken = outcome;
    request->broken_text = text;
}

/* Notes what a callback has said, after which the request may have been cancelled. */
static bool goes_on(struct outgoing_request *request, int rc)
{
    if (request->callbacks && rc < 0)
        break_off(request, OUTGOING_STOPPED, "it was broken off");
    return request->callbacks && rc == 0;
}

static bool take_head(struct outgoing_request *request)
{
    long status = 0;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status == 101) {
        break_off(request, OUTGOING_MALFORMED, "it changes to another protocol");
        return false;
    }
    if (status < 200)
        return true;
    request->head_done = true;
    return !request->callbacks->head ||
           goes_on(request, request->callbacks->head(request->owner, (int)status));
}

/* One line of the head, or of the trailers behind the body. */
static size_t on_header(char *bytes, size_t one, size_t count, void *arg)
{
    struct outgoing_request *request = arg;
    size_t size = one * count;
    if (!request->callbacks)
        return 0;
    request->head_size += size;
    if (request->head_size > OUTGOING_HEAD_MAX) {
        break_off(request, OUTGOING_MALFORMED, "its head is too big");
        return 0;
    }
    bool is_end = bytes[0] == '\r' || bytes[0] == '\n';
    return request->head_done || !is_end || take_head(request) ? size : 0;
}

static size_t on_body(char *bytes, size_t one, size_t count, void *arg)
{
    struct outgoing_request *request = arg;
    size_t size = one * count;
    if (!request->callbacks)
        return 0;
    if (!request->callbacks->body)
        return size;
    return goes_on(request, request->callbacks->body(request->owner, bytes, size)) ? size : 0;
}

static size_t on_send(char *buffer, size_t one, size_t count, void *arg)
{
    struct outgoing_request *request = arg;
    size_t length = 0;
    if (!request->callbacks)
        return CURL_READFUNC_ABORT;
    int rc = request->callbacks->send(request->owner, buffer, one * count, &length);
    return goes_on(request, rc) ? length : CURL_READFUNC_ABORT;
}

static const char *judge(const struct outgoing_request *request, const struct curl_sockaddr *address)
{
    struct sockaddr_storage storage = {0};
    struct ip_address ip;
    memcpy(&storage, &address->addr, address->addrlen);
    return ip_address_from_socket(&storage, &ip) ? request->callbacks->refuse(request->owner, &ip)
                                                 : "it is no address of IPv4 or IPv6";
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct outgoing_request *request = arg;
    if (!request->callbacks)
        return CURL_SOCKET_BAD;
    const char *refusal = request->callbacks->refuse ? judge(request, address) : NULL;
    if (refusal) {
        request->refusal = refusal;
        return CURL_SOCKET_BAD;
    }
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    request->socket_errnum = fd < 0 ? errno : 0;
    return fd;
}

/* --- ends --- */

static int errnum_of(const struct outgoing_request *request)
{
    long errnum = 0;
    curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &errnum);
    return request->socket_errnum != 0 ? request->socket_errnum : (int)errnum;
}

static enum outgoing_outcome outcome_of(const struct outgoing_request *request, CURLcode result)
{
    if (request->broken != OUTGOING_ANSWERED)
        return request->broken;
    switch (result) {
    case CURLE_OK:
        return request->head_done ? OUTGOING_ANSWERED : OUTGOING_CUT;
    case CURLE_COULDNT_CONNECT:
        return request->refusal ? OUTGOING_FORBIDDEN : OUTGOING_UNREACHABLE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return OUTGOING_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return OUTGOING_TIMED_OUT;
    case CURLE_RECV_ERROR: /* of chunks that are none, too */
        return errnum_of(request) != 0 ? OUTGOING_CUT : OUTGOING_MALFORMED;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
        return OUTGOING_CUT;
    default:
        return OUTGOING_MALFORMED;
    }
}

static const char *text_of(const struct outgoing_request *request, CURLcode result)
{
    if (request->broken != OUTGOING_ANSWERED)
        return request->broken_text;
    if (result == CURLE_OK && request->head_done)
        return "";
    if (result == CURLE_COULDNT_CONNECT && request->refusal)
        return request->refusal;
    return *request->curl_text ? request->curl_text : curl_easy_strerror(result);
}

static void conclude(struct outgoing_request *request, CURLcode result)
{
    struct outgoing_end end = {.outcome = outcome_of(request, result), .text = text_of(request, result)};
    if (end.outcome == OUTGOING_UNREACHABLE)
        end.errnum = errnum_of(request);
    const struct outgoing_callbacks *callbacks = request->callbacks;
    TAILQ_REMOVE(&request->client->requests, request, link);
    request->callbacks = NULL;
    callbacks->done(request->owner, &end);
    request_free(request);
}

/* Connections to unix sockets are there or refused at once, but when the backlog is full. Curl takes that for
 * a connection in progress, and fails without any reason of the system's. */
static bool backlog_is_full(const struct outgoing_request *request, CURLcode result)
{
    int errnum = errnum_of(request);
    return request->local && result == CURLE_COULDNT_CONNECT && (errnum == 0 || errnum == EAGAIN);
}

static void wait_for_backlog(struct outgoing_request *request)
{
    struct timeval pause = {.tv_usec = CONNECT_AGAIN_MS * 1000};
    curl_loop_remove(&request->client->loop, request->easy);
    request->added = false;
    event_add(&request->begin, &pause);
}

static void on_ended(CURL *easy, CURLcode result)
{
    struct outgoing_request *request = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
    bool is_full = backlog_is_full(request, result);
    if (is_full && clock_ms() < request->connect_by_ms)
        wait_for_backlog(request);
    else
        conclude(request, is_full ? CURLE_OPERATION_TIMEDOUT : result);
}

static void free_all(struct outgoing_requests *requests)
{
    struct outgoing_request *request;
    while ((request = TAILQ_FIRST(requests))) {
        TAILQ_REMOVE(requests, request, link);
        request_free(request);
    }
}

static void on_left(void *owner)
{
    struct outgoing *client = owner;
    free_all(&client->cancelled);
}

/* --- beginnings --- */

/* Of what curl allocates for a request. */
static void *must_have(void *made)
{
    if (!made) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return made;
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct outgoing_request *request = arg;
    request->added = true;
    if (curl_loop_add(&request->client->loop, request->easy) < 0) {
        request->added = false;
        conclude(request, CURLE_FAILED_INIT);
    }
}

static void add_header(struct outgoing_request *request, const char *header)
{
    request->headers = must_have(curl_slist_append(request->headers, header));
}

static void set_body(struct outgoing_request *request, const struct outgoing_spec *spec)
{
    CURL *easy = request->easy;
    if (spec->callbacks->send) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
        curl_easy_setopt(easy, CURLOPT_READDATA, request);
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
        if (spec->send_size > 0)
            curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->send_size);
        else
            add_header(request, "Transfer-Encoding: chunked");
    } else if (spec->body) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)spec->body_size);
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, spec->body);
    }
    if (strcmp(spec->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec->method);
}

/* To curl "Name:" is a header that it shall not send, "Name;" one without a value. */
static void add_given(struct outgoing_request *request, const char *header)
{
    size_t length = strcspn(header, ":");
    if (header[length] != ':' || header[length + 1 + strspn(header + length + 1, " \t")] != '\0') {
        add_header(request, header);
        return;
    }
    cleanup_free char *bare = xasprintf("%.*s;", (int)length, header);
    add_header(request, bare);
}

static bool names(const char *const *headers, const char *name)
{
    size_t length = strlen(name);
    for (; headers && *headers; headers++) {
        if (strncasecmp(*headers, name, length) == 0 && (*headers)[length] == ':')
            return true;
    }
    return false;
}

/* What curl sends by itself. The header Expect would keep a body waiting for an answer of 100. */
static void leave_out(struct outgoing_request *request, const struct outgoing_spec *spec)
{
    add_header(request, "Expect:");
    if (spec->exact && !names(spec->headers, "Accept"))
        add_header(request, "Accept:");
    if (spec->exact && !names(spec->headers, "Content-Type"))
        add_header(request, "Content-Type:");
}

static void set_headers(struct outgoing_request *request, const struct outgoing_spec *spec)
{
    leave_out(request, spec);
    for (const char *const *header = spec->headers; header && *header; header++)
        add_given(request, *header);
    curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

/* With a connection that was judged for this request. */
static void set_judged(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

static void set_connection(struct outgoing_request *request, const struct outgoing_spec *spec)
{
    CURL *easy = request->easy;
    curl_easy_setopt(easy, CURLOPT_URL, spec->url);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (spec->target)
        curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, spec->target);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* wait for no thread that still resolves a name */
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)spec->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)spec->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
    if (request->local) {
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, spec->socket_path);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (spec->callbacks->refuse)
        set_judged(easy);
}

static void set_callbacks(struct outgoing_request *request)
{
    curl_easy_setopt(request->easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(request->easy, CURLOPT_ERRORBUFFER, request->curl_text);
    curl_easy_setopt(request->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(request->easy, CURLOPT_HEADERDATA, request);
    curl_easy_setopt(request->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(request->easy, CURLOPT_WRITEDATA, request);
}

/* Begins from an event, because curl may be on the stack, and because the caller must have the request before
 * anything becomes of it. The event is active already: it does not wait for the loop's next turn. */
struct outgoing_request *outgoing_start(struct outgoing *client, const struct outgoing_spec *spec)
{
    struct outgoing_request *request = xcalloc(1, sizeof(*request));
    request->client = client;
    request->callbacks = spec->callbacks;
    request->owner = spec->owner;
    request->local = spec->socket_path != NULL;
    request->connect_by_ms = clock_ms() + spec->connect_ms;
    request->easy = must_have(curl_easy_init());
    set_connection(request, spec);
    set_body(request, spec);
    set_headers(request, spec);
    set_callbacks(request);
    TAILQ_INSERT_TAIL(&client->requests, request, link);
    event_assign(&request->begin, client->loop.base, -1, 0, on_begin, request);
    event_active(&request->begin, EV_TIMEOUT, 0);
    return request;
}

void outgoing_cancel(struct outgoing_request *request)
{
    if (!request || !request->callbacks)
        return;
    struct outgoing *client = request->client;
    TAILQ_REMOVE(&client->requests, request, link);
    if (!client->loop.entered) {
        request_free(request);
        return;
    }
    request->callbacks = NULL;
    event_del(&request->begin);
    TAILQ_INSERT_TAIL(&client->cancelled, request, link);
}

const char *outgoing_header(const struct outgoing_request *request, const char *name)
{
    struct curl_header *header;
    bool found = curl_easy_header(request->easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    return found ? header->value : NULL;
}

void outgoing_each_header(const struct outgoing_request *request,
                          void (*visit)(void *context, const char *name, const char *value), void *context)
{
    struct curl_header *header = NULL;
    while ((header = curl_easy_nextheader(request->easy, CURLH_HEADER, -1, header)))
        visit(context, header->name, header->value);
}

/* --- the client --- */

int outgoing_create(struct event_base *base, struct outgoing **ret_client, struct error *err)
{
    struct outgoing *client = xcalloc(1, sizeof(*client));
    TAILQ_INIT(&client->requests);
    TAILQ_INIT(&client->cancelled);
    client->loop.left = on_left;
    client->loop.ended = on_ended;
    client->loop.owner = client;
    if (curl_loop_init(&client->loop, base, err) < 0) {
        free(client);
        return -1;
    }
    *ret_client = client;
    return 0;
}

void outgoing_destroy(struct outgoing *client)
{
    if (!client)
        return;
    free_all(&client->requests);
    curl_loop_clear(&client->loop);
    free(client);
}
