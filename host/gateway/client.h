/*
 * A client's connection. While it idles it is a descriptor in the event loop and this struct, nothing more;
 * buffers and an exchange come with the first byte of a request and go with the last byte of its answer.
 * Pipelined requests are answered one after the other. One worker.
 */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include "base/network.h"
#include "gateway/address_counts.h"
#include "gateway/idle_list.h"
#include "gateway/loop.h"
#include "gateway/passed_client.h"
#include "routing/call_book.h"

struct client;
struct exchange;

enum entrance_kind {
    ENTRANCE_FUNCTION, /* the door of a function's instance */
    ENTRANCE_MANAGEMENT, /* the management port */
    ENTRANCE_CALLS, /* the door by which calls that were accepted are delivered */
};

/* A way in beside the public port. */
struct entrance {
    enum entrance_kind kind;
    const char *function; /* whose door it is; NULL: none's */
    bool is_checked; /* a web page in a browser may have made a request that came in there */
    uint64_t instance; /* of that function */
    struct call_book *calls; /* of that instance */
    unsigned clients; /* that came in by it */
};

/* Who serves the requests of clients. Each may end the client's exchange and the client with it. */
struct client_handler {
    /* The first bytes of a request are in client->in: sets client->exchange, or closes the client. */
    void (*on_request)(struct client *client);
    /* While there is an exchange: the connection has bytes or has ended, or the next turn that was asked for
     * has come; it can be written again; the deadline has passed; it is being closed. */
    void (*on_readable)(struct exchange *exchange);
    void (*on_writable)(struct exchange *exchange);
    void (*on_deadline)(struct exchange *exchange, uint64_t now_ms);
    void (*on_gone)(struct exchange *exchange);
    /* Whether all that came of the request is in client->in as it came, and nothing of it has been answered
     * or sent on. And: ends such an exchange without a trace; false: it has just been given a slot. */
    bool (*is_untouched)(const struct exchange *exchange);
    bool (*undo)(struct exchange *exchange);
};

/* The clients of one worker. */
struct clients {
    struct loop *loop;
    const struct client_handler *handler;
    void *context; /* the handler's */
    struct address_counts *addresses; /* of clients, while their number is limited */
    /* After each that client_open has let in, by this entrance. */
    void (*on_closed)(struct clients *clients, struct entrance *entrance);
    /* While the loop is passing: the next daemon is to serve it. Takes it over. */
    void (*on_passed)(struct clients *clients, struct passed_client *passed);
    LIST_HEAD(, client) list;
    unsigned count; /* less those that came in by doors of functions */
    struct idle_list idle;
    struct freelist spare;
};

struct client {
    struct clients *all;
    struct loop *loop;
    LIST_ENTRY(client) link; /* all of the worker */
    struct task proceed; /* in the next turn */
    struct idle_entry idle; /* while no request is under way */
    struct event read, write;
    struct timer timer; /* the one deadline of whatever it waits for */
    struct buffer *in; /* received and not used up; NULL: nothing */
    struct exchange *exchange;
    struct entrance *entrance; /* NULL: the public port */
    int fd;
    bool readable; /* there may be bytes to receive */
    bool closed; /* it has shut down its side, or the connection broke */
    bool wants_write; /* the write event is armed */
    bool lingering; /* answered for the last time: what still comes is dropped */
    uint32_t dropped; /* bytes, while lingering */
    const struct network_list *trusted; /* whom to believe about a request's origin; NULL: not this client */
    bool counted; /* against the limit of its address */
    uint8_t address_length;
    char address[INET6_ADDRSTRLEN]; /* as text; "calls" of those that deliver them */
};

enum client_receive {
    CLIENT_RECEIVED,
    CLIENT_NOTHING, /* not now */
    CLIENT_ENDED, /* nothing more will come */
};

static inline struct http_text client_address(const struct client *client)
{
    return http_text_make(client->address, client->address_length);
}

enum client_open {
    CLIENT_OPENED,
    CLIENT_REFUSED, /* its address has as many as it may have */
    CLIENT_FAILED, /* memory is out */
};

void clients_init(struct clients *clients, struct loop *loop, const struct client_handler *handler,
                  void *context, struct address_counts *addresses,
                  void (*on_closed)(struct clients *clients, struct entrance *entrance),
                  void (*on_passed)(struct clients *clients, struct passed_client *passed));
void clients_clear(struct clients *clients);

/* Takes over an accepted socket, which stays the caller's when it is not CLIENT_OPENED. `entrance` as in the
 * client: it outlives it. */
enum client_open client_open(struct clients *clients, int fd, const struct sockaddr_storage *socket_address,
                             struct entrance *entrance);

/* The same for one that another daemon has let in, whatever the limit of its address; its bytes are looked at
 * in the next turn. `passed` stays the caller's, less its descriptor. */
enum client_open client_open_passed(struct clients *clients, const struct passed_client *passed,
                                    const struct sockaddr_storage *socket_address, struct entrance *entrance);

/* The loop has begun to hold, or to pass on: so does everyone of whom nothing is under way. */
void clients_settle(struct clients *clients);

/* The loop does not hold any more: looks at all of them again. */
void clients_resume(struct clients *clients);

/* Of those that wait for the first byte of a request, closes the ones that deliver calls, and the ones from
 * the public port unless one comes within half a second: whoever sends it just now is answered. */
void clients_end_waiting(struct clients *clients);

/* Closes one that came in by this entrance and has no request under way. False: there is none. */
bool clients_close_idle(struct clients *clients, const struct entrance *entrance);

/* Closes all that came in by it. */
void clients_close_entrance(struct clients *clients, const struct entrance *entrance);

/* Whether it came in by a function's door. */
static inline bool client_is_function(const struct client *client)
{
    return client->entrance && client->entrance->kind == ENTRANCE_FUNCTION;
}

static inline bool client_is_of_management(const struct client *client)
{
    return client->entrance && client->entrance->kind == ENTRANCE_MANAGEMENT;
}

/* Whether it delivers calls that were accepted. */
static inline bool client_is_calls(const struct client *client)
{
    return client->entrance && client->entrance->kind == ENTRANCE_CALLS;
}

/* Whether the connection may stay for another request, here or at the next daemon. A drain has those of
 * functions stay: what they call belongs to requests that are being finished. One of the management port
 * never does: the next request may be for others there. */
static inline bool client_may_stay(const struct client *client)
{
    if (client_is_function(client))
        return client->loop->phase != LOOP_STOPPED;
    return !client_is_of_management(client) && client->loop->phase < LOOP_DRAINING;
}

/* Closes so many at most, whatever they do. False: none are left. */
bool clients_close_some(struct clients *clients, unsigned most);

/* Looks in the next turn for what may be received, or what has been and waits. */
static inline void client_postpone(struct client *client)
{
    loop_postpone(client->loop, &client->proceed);
}

/* Receives into `in` behind its end, at most `room` bytes. */
enum client_receive client_receive(struct client *client, size_t room);

/* Moves the part of a head in `in` to a small buffer, since the rest may be long in coming; it stays where it
 * is when it does not fit or memory is short. And back to a buffer that takes a whole head; false: out of
 * memory. Whoever points into `in` must look again. */
void client_shrink_in(struct client *client);
bool client_grow_in(struct client *client);

/* Part of a head has come, and the rest is waited for: it may be closed when connections run short. And: its
 * head is complete, it may not. */
void client_idle_in_head(struct client *client);
void client_stop_idling(struct client *client);

/* The exchange is over and the connection stays. `at` is where unused bytes of `in` begin. */
void client_next_request(struct client *client, uint32_t at);

/* The exchange is over and the connection ends with it: at once, or, when the client may still be sending,
 * after it has had a chance to read the answer. */
void client_finish(struct client *client, bool may_be_sending);

/* Ends the connection and its exchange. `reset` makes sure that the client does not take it for the regular
 * end of an answer. */
void client_close(struct client *client, bool reset);

/* Has handler->on_writable called once when there is room to write again. */
void client_want_write(struct client *client);

/* Sets the one deadline. */
static inline void client_set_timer(struct client *client, uint64_t due_ms)
{
    loop_set_timer(client->loop, &client->timer, due_ms);
}

#endif
