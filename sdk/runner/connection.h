/* What the files of the runner library share: a connection with the one request on it. */
#ifndef RUNNER_CONNECTION_H
#define RUNNER_CONNECTION_H

#include "berth/runner.h"

#include <llhttp.h>
#include <stdatomic.h>

#define INPUT_SIZE      16384 /* the buffer of a connection at rest */
#define INPUT_RESERVE   2048 /* the part of it that a head leaves free for chunks */
#define INPUT_MAX       262144 /* its size for the largest request head */
#define HEADERS_START   32 /* headers that need no further allocation */
#define HEADERS_MAX     1024 /* of one request */
#define OUTPUT_SIZE     4096 /* a response head that needs no further allocation */
#define OUTPUT_MAX      262144 /* the largest response head */
#define DRAIN_MAX_BYTES 65536 /* of an unread request body, to keep the connection */
#define DRAIN_MAX_MS    2000 /* and the time it may take */

/* How the request's body ends. */
enum body_framing {
    BODY_NONE, /* there is none, or it has been read to its end */
    BODY_LENGTH, /* body_left bytes are to come */
    BODY_CHUNKED, /* the parser knows */
    BODY_TUNNEL, /* with the connection, after 101 */
    BODY_BROKEN, /* it was cut or malformed */
};

/* How the response's body ends. */
enum response_framing {
    RESPONSE_LENGTH, /* after response_left bytes */
    RESPONSE_CHUNKED, /* after the last chunk */
    RESPONSE_CLOSE, /* with the connection */
    RESPONSE_BODILESS,
};

enum response_stage {
    RESPONSE_NONE, /* not begun */
    RESPONSE_HEAD, /* the head waits in `output` */
    RESPONSE_BODY, /* the head has been sent */
    RESPONSE_ENDED, /* all has been sent */
    RESPONSE_FAILED, /* the connection is of no more use */
};

struct berth_request {
    const char *method;
    const char *target;
    struct berth_header *headers; /* owned, grows */
    size_t header_count;
    size_t header_capacity;
    int64_t content_length; /* -1: chunked */
    enum body_framing body;
    uint64_t body_left;
    bool is_http10;
    bool expects_continue; /* and has not been told to go on */
    bool wants_upgrade;
    bool keep_alive; /* as far as is known */
    bool discards_body; /* the response has no body: HEAD, 204, 304 */

    enum response_stage stage;
    enum response_framing framing;
    uint64_t response_left;
};

/* Bytes [position, end) of `input` have come and are not used yet; the head of the request under way stands
 * before `head_end`, where its texts point to. */
struct berth_connection {
    int fd;
    atomic_int state; /* enum connection_state, in connection.c */
    char *input;
    size_t capacity;
    size_t position;
    size_t end;
    size_t head_end;
    char *output;
    size_t output_capacity;
    size_t output_length;

    llhttp_t parser;
    bool head_done;
    int refusal; /* the status to answer when the parser gave up, 0: 400 */
    char *body_target; /* where decoded chunks go */
    size_t body_stored;

    struct berth_request request;
};

static inline struct berth_connection *connection_of(const struct berth_request *request)
{
    return (struct berth_connection *)((char *)(uintptr_t)request -
                                       offsetof(struct berth_connection, request));
}

enum head_result {
    HEAD_PARTIAL, /* more bytes are needed */
    HEAD_COMPLETE,
    HEAD_BAD, /* connection->refusal says with which status to refuse */
};

/* Gets the parser ready for a request whose first byte is at input[0]. */
void berth_head_begin(struct berth_connection *connection);

/* Parses input[position, end). When complete, the request is filled in and `position` is at the body. */
enum head_result berth_head_parse(struct berth_connection *connection);

/* Makes the texts of a complete head end with NULs. Not before the parser has left the head behind. */
void berth_head_terminate(struct berth_connection *connection);

/* Decodes chunked bytes of input[position, end) into `buffer`, moving `position`. Returns how many bytes
 * were stored, or -1 with EPROTO; sets request.body to BODY_NONE at the end and to BODY_BROKEN at an error,
 * which may have bytes before it. */
ssize_t berth_chunks_decode(struct berth_connection *connection, char *buffer, size_t size);

/* recv(2) again after a signal. 0 at the end of the stream. */
ssize_t berth_connection_receive(struct berth_connection *connection, void *buffer, size_t size, int flags);

/* Sends `100 Continue` when the client waits for it. */
int berth_request_continue(struct berth_request *request);

/* Reads and drops what is left of the body, within the limits above. False: there is more. */
bool berth_request_drain(struct berth_request *request);

/* True when the rest of the body is small enough to be dropped and sure to come. */
bool berth_request_can_drain(const struct berth_request *request);

#endif
