/*
 * An exchange: one request of a client, from the first byte of its head to the last byte of its answer. An
 * explicit state machine, driven by what the client's and the slot's connection can do and by one deadline.
 *
 *     READ_HEAD ──► RECEIVE ──► WAIT_SLOT ──► AWAIT_HEAD ──► RELAY ──► (next request or close)
 *         │            │            │             │  ▲          └────► TUNNEL
 *         │            │            └─────────────┼──┘ └──► FIND_CAUSE ──┐
 *         └────────────┴──────────────────────────┴────► ANSWER ◄─────────┘ ──► (next request or close)
 *
 * What is there at once, a small body with its head and a free slot, skips the states of waiting for it. From
 * AWAIT_HEAD and FIND_CAUSE a request may go back to AGAIN, from where it takes the way behind READ_HEAD
 * anew; from AWAIT_HEAD also by UNREACHED, when nobody has taken its connection.
 *
 * Its files, in the order in which a request comes to them: serve.c (which event means what in which state),
 * dispatch.c, async.c (of those for later), inner_call.c (of those that functions make), receive.c,
 * acquire.c, relay.c, response.c, lost.c, fail.c, deliver.c, and this one, where it ends. Each uses only
 * those that stand behind it, and overdue.c, what happens when a deadline passes, any.
 *
 * What may happen, in any order and at the same time:
 *  - the runner answers before the request's body has been sent: the answer is relayed while the body still
 *    flows; if the answer ends first the slot is closed and the rest of the body is dropped;
 *  - the slot turns out to be dead: the request goes to another slot when nobody can have acted on it, or
 *    when the cause turns out to be none of the function's doing and acting twice does no harm (lost.h);
 *  - the client leaves: the slot is closed, which tells the runner; a waiting request leaves the queue;
 *  - the deadline passes: the client gets an error or, when it has the head already, a cut connection;
 *  - the client does not take what is there: the rest of the answer is taken from the runner into memory, or,
 *    when it is too large for that, the runner is held back;
 *  - a waiter is granted a slot after the client left: the exchange lives on without a client (ORPHAN) until
 *    the mail comes, and gives the slot back.
 */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "gateway/backlog.h"
#include "gateway/client.h"
#include "gateway/deadline.h"
#include "gateway/desk.h"
#include "gateway/flow.h"
#include "gateway/gateway.h"
#include "gateway/in_flight.h"
#include "gateway/record_ring.h"
#include "gateway/request_id.h"
#include "gateway/request_record.h"
#include "gateway/slot_link.h"
#include "gateway/target.h"
#include "http/head.h"
#include "http/traceparent.h"
#include "routing/slot_wait.h"

enum exchange_state {
    EXCHANGE_READ_HEAD, /* the request's head is not complete */
    EXCHANGE_AGAIN, /* in the next turn the request goes the way of one whose head is complete */
    EXCHANGE_RECEIVE, /* the first part of the body is not complete; no slot is taken yet */
    EXCHANGE_WAIT_SLOT, /* in the queue of a slot pool */
    EXCHANGE_FIND_CAUSE, /* the runner has gone; why is being found out */
    EXCHANGE_UNREACHED, /* the server took no connection; in a moment it is tried again */
    EXCHANGE_AWAIT_HEAD, /* on a slot: the request is being sent, no final head has come back */
    EXCHANGE_RELAY, /* the answer's head is written, its body follows */
    EXCHANGE_TUNNEL, /* after 101: bytes both ways */
    EXCHANGE_ANSWER, /* an answer made here is being written */
    EXCHANGE_ORPHAN, /* the client is gone, the waiter's mail is on its way */
};

/* What the exchanges of one worker share. */
struct exchanges {
    struct loop *loop;
    struct route_table *table;
    struct route_snapshot *routes;
    const struct gateway_hooks *hooks;
    const struct desk *desk;
    struct slot_links links;
    struct backlogs backlogs; /* what is kept for slow clients */
    struct record_ring records; /* of those that have ended; the control thread takes them */
    struct flight_part *in_flight; /* those that have not; NULL: they are not kept */
    struct http_limits request_limits, delivery_limits, response_limits;
    unsigned request_headers; /* header lines of a client's at most */
    struct freelist spare;
};

/* What is asked of the desk: async.c. */
struct asking {
    enum desk_ask what;
    bool preferred; /* by a Prefer header, whose wish is fulfilled */
};

/* The wait for a slot: acquire.c. */
struct queueing {
    struct slot_waiter waiter;
    uint64_t joined_ns;
    uint64_t waited_ns; /* in queues so far */
    bool cold; /* it had to wait for an instance */
};

/* The slot that it has: relay.c. */
struct holding {
    struct slot *slot; /* NULL: none */
    struct slot_watch *watch;
    uint64_t instance; /* the last slot's */
};

/* The request's way to the runner: relay.c. */
struct sending {
    bool recycled; /* the first bytes of the body are gone: it cannot be sent again */
    bool broken; /* the runner does not take more of the request */
    bool fresh; /* it is sent over a new connection, since one that was kept has failed it */
    bool continued; /* the gateway has said 100, which the client expected of the function */
};

/* The answer's way to the client: response.c. */
struct answering {
    bool early; /* 100 or another interim response came */
    bool resume; /* the response had its turns; it goes on in the next turn of the loop */
    bool is_stream; /* it ends when it likes: an event stream or a tunnel */
};

/* A runner that has gone: lost.c. */
struct loss {
    const char *how; /* static: what is told without a cause */
    uint64_t since_ms; /* when it was lost */
    bool may_repeat; /* sending the request once more does no harm */
    bool repeated; /* it was sent a second time */
    uint64_t unreached_ms; /* since when its server takes no connection; 0: it does */
};

/* What is kept of a request that came in by a function's door: inner_call.c. */
struct inner_call {
    struct call_entry entry; /* in the book of the instance that serves it */
    char traceparent[TRACEPARENT_LENGTH + 1]; /* made here; "": it has its own */
};

/* What is to be known of the end, before it comes: fail.c. */
struct ending {
    enum error_code code; /* what went wrong; ERROR_NONE: nothing */
    struct kept_error *problem; /* the whole of it, where there is more to say */
    bool is_own; /* the gateway makes the answer itself */
    bool is_cut; /* the connection is being cut */
};

struct exchange {
    enum exchange_state state;
    struct exchanges *all;
    struct loop *loop;
    struct client *client; /* NULL: orphan */

    struct http_head_parser parser; /* of the request, then of the response */
    struct http_head request;
    struct http_head response;
    struct target target;
    struct http_text id; /* X-Request-Id: into the request, or into made_id */
    char made_id[REQUEST_ID_MADE];
    struct route_limits limits;
    struct request_times times;
    uint64_t start_time_ns; /* since 1970, of a call by the contract */
    uint64_t revision; /* that serves it; 0: not known yet */
    uint16_t status; /* of the answer; 0: there is none yet */
    bool keep_alive; /* the client's connection stays */
    bool counted; /* in requests_active */
    bool is_routed; /* there is such a function */

    struct flow up, down;
    struct buffer *request_bytes; /* holds the request's head once client->in is another buffer; else NULL */
    struct buffer *received; /* from the slot */
    struct backlog backlog; /* what is kept in memory because the client is slow */

    struct deadline deadline;
    struct asking asking;
    struct queueing queue;
    struct holding hold;
    struct sending sending;
    struct answering answering;
    struct loss loss;
    struct ending ending;
    struct flight_cell *flight; /* what outlives a crash; NULL: nothing does */
    struct inner_call *inner; /* NULL: it came from the public port, or has not been looked at yet */

    struct http_header *response_headers; /* behind request_headers */
    struct http_header request_headers[];
};

/* `hooks` and `desk` outlive them; the rest as for backlogs_init(). */
void exchanges_init(struct exchanges *exchanges, struct loop *loop, struct route_table *table,
                    const struct gateway_hooks *hooks, const struct desk *desk, uint64_t max_backlog_bytes,
                    bool (*on_short)(struct backlog *backlog, uint64_t now_ms));

/* After all have ended. */
void exchanges_clear(struct exchanges *exchanges);

/* Starts with the first bytes of a request in client->in. NULL: out of memory. */
struct exchange *exchange_begin(struct exchanges *exchanges, struct client *client);

/* It is known what is asked for: from here to its end it would be found after a crash. Once. */
void exchange_take_off(struct exchange *exchange);

/* The one place that changes the state. */
void exchange_enter(struct exchange *exchange, enum exchange_state state);

/* Looks at the bytes of the request's body that have come, as flow_scan(). */
int exchange_scan_body(struct exchange *exchange);

/* It has left a queue. */
void exchange_count_wait(struct exchange *exchange);

/* Gives the slot back, if there is one. */
void exchange_drop_slot(struct exchange *exchange, enum slot_fate fate);

/* The answer has been received: the slot, if there is one, is free for the next request. */
void exchange_free_slot(struct exchange *exchange);

/* In the next turn the request, of which nothing has been lost, goes to another slot. */
void exchange_again(struct exchange *exchange);

/* --- the end --- */

/* The answer is written: ends the exchange, and the client goes on or is closed. */
void exchange_finish(struct exchange *exchange);

/* What has begun cannot be brought to its end: cuts the client's connection, and with that ends the exchange.
 */
void exchange_cut(struct exchange *exchange, enum error_code why);

/* Whether the whole of the request that has come is in client->in as it came, and neither a slot nor the
 * client has been sent any of it. And: ends such an exchange, uncounted and without a record, as if nothing
 * of the request had been looked at. False: its slot is on the way. */
bool exchange_is_untouched(const struct exchange *exchange);
bool exchange_undo(struct exchange *exchange);

/* The client's connection is being closed: closes the slot or leaves the queue, and ends the exchange. */
void exchange_abandon(struct exchange *exchange);

/* The mail of an orphan's waiter has come: frees it. */
void exchange_free(struct exchange *exchange);

#endif
