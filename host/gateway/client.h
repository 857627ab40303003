/*
 * A client's connection. While it idles it is a descriptor in the event loop and this struct, nothing more;
 * buffers and an exchange come with the first byte of a request and go with the last byte of its answer.
 * Pipelined requests are answered one after the other. One worker.
 */
#ifndef GATEWAY_CLIENT_H
#define GATEWAY_CLIENT_H

#include "base/network.h"
#include "gateway/idle_list.h"
#include "gateway/timer_wheel.h"
#include "gateway/worker.h"

struct exchange;

struct client {
    struct worker *worker;
    struct client *next, *previous; /* all of the worker */
    struct client *next_ready;
    struct idle_entry idle; /* while no request is under way */
    struct event read, write;
    struct timer timer; /* the one deadline of whatever it waits for */
    struct buffer *in;  /* received and not used up; NULL: nothing */
    struct exchange *exchange;
    int fd;
    bool is_ready;                      /* on the worker's list of the next turn */
    bool readable;                      /* there may be bytes to receive */
    bool closed;                        /* it has shut down its side, or the connection broke */
    bool wants_write;                   /* the write event is armed */
    bool lingering;                     /* answered for the last time: what still comes is dropped */
    uint32_t dropped;                   /* bytes, while lingering */
    const struct network_list *trusted; /* whom to believe about a request's origin; NULL: not this client */
    bool counted;                       /* against the limit of its address */
    uint8_t address_length;
    char address[INET6_ADDRSTRLEN]; /* as text */
};

enum client_receive {
    CLIENT_RECEIVED,
    CLIENT_NOTHING, /* not now */
    CLIENT_ENDED,   /* nothing more will come */
};

static inline struct http_text client_address(const struct client *client)
{
    return http_text_make(client->address, client->address_length);
}

/* Takes over an accepted socket. On failure it is closed. */
void client_open(struct worker *worker, int fd, const struct sockaddr_storage *socket_address);

/* Looks for a request in what has come and what may be received. */
void client_proceed(struct client *client);

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

/* Calls exchange_client_writable() once when there is room to write again. */
void client_want_write(struct client *client);

/* Sets the one deadline. */
static inline void client_set_timer(struct client *client, uint64_t due_ms)
{
    worker_set_timer(client->worker, &client->timer, due_ms);
}

#endif
