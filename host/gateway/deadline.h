/*
 * How long an exchange may take, and for whose sake. Its client has one timer, set to the first of
 *  - the function's time on its slot (or the silence of a stream, or the wait in the queue): `run_ms`;
 *  - the time that the client may stand still: `stall_ms`;
 *  - the next look at how fast a client is for whom a slot is held: `pace.look_ms`;
 *  - the time in which a client that shut down its side is still answered: `leave_ms`.
 * What happens then is in overdue.h.
 */
#ifndef GATEWAY_DEADLINE_H
#define GATEWAY_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct exchange;

/* A client that has shut down its side may have left or may still read. It gets an answer that comes within
 * this time; then the work is cancelled. */
#define DEADLINE_LEAVE_MS 1000

/* Between two looks at a client for whom a slot is held. */
#define DEADLINE_LOOK_MS 500

/* What is known of a client's speed while it is waited for. */
struct pace {
    uint64_t since_ms; /* when the wait began; TIMER_NEVER: it is not waited for */
    uint64_t window_ms; /* when the measurement began */
    uint64_t moved; /* bytes that it had sent and read until then */
    uint64_t passed; /* bytes from it and to its socket when it was last seen to do something */
    uint64_t look_ms; /* TIMER_NEVER: no slot is held for it */
    uint64_t waited_ms; /* in all on this slot, earlier waits only */
};

/* Of an exchange; the times are when something is due, or TIMER_NEVER. */
struct deadline {
    struct pace pace;
    uint64_t run_ms; /* the function's time is over */
    uint64_t stall_ms; /* the client has been waited for long enough */
    uint64_t leave_ms; /* the client has shut down its side and is taken to be gone */
    uint64_t leave_relayed; /* bytes of the answer when that was last put off */
    uint64_t streamed; /* bytes that had gone through a stream when it was last alive */
    bool streams; /* an event stream or a tunnel: ends by silence and not by time */
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
void deadline_update(struct exchange *exchange);

/* --- the client's speed --- */

/* True when something waits to be read by the client. */
bool deadline_has_output(const struct exchange *exchange);

/* Bytes that the client has sent and read: those from it and to its socket less what is still in the socket,
 * which can be much, and is not reported as writable for long. */
uint64_t deadline_moved(const struct exchange *exchange);

/* The part of the function's time that the client was waited for. */
uint64_t deadline_waited_ms(const struct exchange *exchange, uint64_t now_ms);

/* A new measurement of the client's speed begins. */
void deadline_begin_window(struct exchange *exchange, uint64_t now_ms);

/* Bytes a second that a client has to move while a slot or memory is held for it; 0: as it likes. */
uint64_t deadline_least_rate(const struct exchange *exchange);

/* Whether it has moved so many since the measurement began. */
bool deadline_is_fast_enough(const struct exchange *exchange, uint64_t now_ms);

#endif
