/*
 * How long an exchange may take, and for whose sake. Its client has one timer, set to the first of
 *  - the function's time on its slot (or the silence of a stream, or the wait in the queue): `run_due_ms`;
 *  - the time that the client may stand still: `stall_due_ms`;
 *  - the next look at how fast a client is for whom a slot is held: `pace.look_ms`;
 *  - the time in which a client that shut down its side is still answered: `leave_due_ms`.
 */
#ifndef GATEWAY_DEADLINE_H
#define GATEWAY_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct exchange;

/* What is known of a client's speed while it is waited for. */
struct pace {
    uint64_t since_ms;  /* when the wait began; TIMER_NEVER: it is not waited for */
    uint64_t window_ms; /* when the measurement began */
    uint64_t moved;     /* bytes that it had sent and read until then */
    uint64_t passed;    /* bytes from it and to its socket when it was last seen to do something */
    uint64_t look_ms;   /* TIMER_NEVER: no slot is held for it */
    uint64_t waited_ms; /* in all on this slot, earlier waits only */
};

/* A new exchange: nothing is waited for. */
void deadline_init(struct exchange *exchange);

/* The exchange has just been given a slot: the function's time begins. */
void deadline_start_run(struct exchange *exchange);

/* The slot has been given back: the function's time is over. */
void deadline_end_run(struct exchange *exchange);

/* The answer is an event stream, or the connection a tunnel: from here on it may last as long as it is not
 * silent for longer than the function's stream_idle_timeout. */
void deadline_start_stream(struct exchange *exchange);

/* Sets the client's timer from what the exchange waits for. After each step of the exchange. */
void exchange_update_deadline(struct exchange *exchange);

/* Ends the exchange when its client is waited for and has moved less than the least rate for about a second.
 * False: it is not waited for, not for long enough, or fast enough; then a new measurement begins. */
bool deadline_gives_way(struct exchange *exchange, uint64_t now_ms);

#endif
