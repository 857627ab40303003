/*
 * An exchange: one request of a client, from the first byte of its head to the last byte of its answer. An
 * explicit state machine, driven by what the client's and the slot's connection can do and by one deadline.
 *
 *     READ_HEAD ──► RECEIVE ──► WAIT_SLOT ──► AWAIT_HEAD ──► RELAY ──► (next request or close)
 *         │            │            │             │  ▲          └────► TUNNEL
 *         │            │            └─────────────┼──┘ └──► FIND_CAUSE ──┐
 *         └────────────┴──────────────────────────┴────► ANSWER ◄─────────┘ ──► (next request or close)
 *
 * What is there at once, a small body with its head and a free slot, skips the states of waiting for it.
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

#include "gateway/client.h"
#include "gateway/deadline.h"
#include "gateway/flow.h"
#include "gateway/request_id.h"
#include "gateway/slot_link.h"
#include "gateway/target.h"
#include "http/head.h"

enum exchange_state {
    EXCHANGE_READ_HEAD,  /* the request's head is not complete */
    EXCHANGE_RECEIVE,    /* the first part of the body is not complete; no slot is taken yet */
    EXCHANGE_WAIT_SLOT,  /* in the queue of a slot pool */
    EXCHANGE_FIND_CAUSE, /* the runner has gone; why is being found out */
    EXCHANGE_AWAIT_HEAD, /* on a slot: the request is being sent, no final head has come back */
    EXCHANGE_RELAY,      /* the answer's head is written, its body follows */
    EXCHANGE_TUNNEL,     /* after 101: bytes both ways */
    EXCHANGE_ANSWER,     /* an answer made here is being written */
    EXCHANGE_ORPHAN,     /* the client is gone, the waiter's mail is on its way */
};

struct exchange {
    enum exchange_state state;
    struct worker *worker;
    struct client *client; /* NULL: orphan */

    struct http_head_parser parser; /* of the request, then of the response */
    struct http_head request;
    struct http_head response;
    struct buffer *request_bytes; /* holds the request's head once client->in is another buffer; else NULL */
    struct buffer *received;      /* from the slot */
    struct target target;
    struct http_text id; /* X-Request-Id: into the request, or into made_id */
    char made_id[REQUEST_ID_MADE];

    struct slot_waiter waiter;
    struct slot *slot; /* the exchange's while it has one */
    struct slot_watch *watch;
    uint64_t instance; /* the last slot's */
    struct flow up, down;
    TAILQ_ENTRY(exchange) held;     /* in the outbox: what a flow keeps waits for the end of the turn */
    struct held_exchanges *held_in; /* NULL: not */

    uint64_t began_ns;       /* head complete */
    uint64_t acquired_ns;    /* slot in hand */
    uint64_t wait_ns;        /* in queues so far */
    struct backlog *backlog; /* what is kept in memory because the client is slow; NULL: nothing */
    struct pace pace;
    uint64_t run_due_ms;    /* the function's time is over */
    uint64_t stall_due_ms;  /* the client has been waited for long enough; TIMER_NEVER: not waited for */
    uint64_t leave_due_ms;  /* the client has shut down its side and is taken to be gone; or TIMER_NEVER */
    uint64_t leave_relayed; /* `relayed` when that was last put off */
    uint64_t lost_ms;       /* when the runner was lost */
    const char *lost;       /* static: what is told without a cause */
    struct route_limits limits;
    uint64_t streamed;   /* bytes that had gone through a stream when it was last alive */
    uint64_t sent;       /* bytes on this slot */
    uint64_t relayed;    /* bytes of the answer, heads included */
    bool cold;           /* it had to wait for an instance */
    bool repeated;       /* it was sent a second time */
    bool may_repeat;     /* a runner was lost, and sending the request once more does no harm */
    bool up_recycled;    /* the first bytes of the body are gone: it cannot be sent again */
    bool continued;      /* the gateway has said 100, which the client expected of the function */
    bool answered_early; /* 100 or another interim response came */
    bool keep_alive;     /* the client's connection stays */
    bool up_broken;      /* the runner does not take more of the request */
    bool resume_down;    /* the response had its turns; it goes on in the next turn of the loop */
    bool streams;        /* an event stream or a tunnel: ends by silence and not by time */
    bool counted;        /* in requests_active */
    uint16_t status;     /* of the answer */
    struct http_header *response_headers; /* behind request_headers */
    struct http_header request_headers[];
};

/* Starts with the first bytes of a request in client->in. NULL: out of memory. */
struct exchange *exchange_begin(struct client *client);

/* The client's connection has bytes or has ended; can be written again; its deadline has passed (deadline.c).
 */
void exchange_client_readable(struct exchange *exchange);
void exchange_client_writable(struct exchange *exchange);
void exchange_client_deadline(struct exchange *exchange, uint64_t now_ms);

/* The same for the slot's connection. */
void exchange_slot_readable(struct exchange *exchange);
void exchange_slot_writable(struct exchange *exchange);

/* What is held until the end of the turn, and the descriptor it goes to. */
struct http_text exchange_held(const struct exchange *exchange, int *ret_fd);

/* The first `size` bytes of it have gone out. exchange_write_held() follows. */
void exchange_held_sent(struct exchange *exchange, size_t size);

/* The end of the turn: writes what is still held and goes on. The exchange may be over afterwards. */
void exchange_write_held(struct exchange *exchange);

/* The client is gone: closes the slot or leaves the queue, and frees the exchange. */
void exchange_abandon(struct exchange *exchange);

/* Bytes of an exchange of this worker, whose settings say how many headers a request may have. */
size_t exchange_size(const struct worker *worker);

#endif
