/*
 * What all that a worker does stands on: its event loop in turns, the clock, deadlines, mail, buffers, the
 * outbox and the counters. It knows nothing of clients and requests. One thread, except the inbox and the
 * counters.
 *
 * A turn: what the event loop has to tell, then what was postponed to this turn, then the outbox.
 */
#ifndef GATEWAY_LOOP_H
#define GATEWAY_LOOP_H

#include "base/mailbox.h"
#include "config/registry.h"
#include "gateway/buffer.h"
#include "gateway/counters.h"
#include "gateway/outbox.h"
#include "gateway/timer_wheel.h"
#include "http/write.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Bytes that the gateway adds to a head at most; the client's X-Forwarded-* are in the head's own size. */
#define LOOP_ADDED_MAX 4096

/* Whether clients and requests are served. A holding loop finishes the requests that have a slot and leaves
 * the others as they are; a passing one gives their clients to the next daemon; a draining loop finishes all
 * that it has. */
enum loop_phase { LOOP_SERVING, LOOP_HOLDING, LOOP_PASSING, LOOP_DRAINING, LOOP_DRAINED, LOOP_STOPPED };

/* Something to do in the next turn. In whatever has such. All zero but `run`: not postponed. */
struct task {
    struct task *next;
    bool is_postponed;
    void (*run)(struct task *task);
};

#define LOOP_LISTS 5

struct loop {
    int index; /* of the worker */
    const struct host_settings *settings;
    enum loop_phase phase;

    struct event_base *base;
    struct event inbox_event, tick;
    struct mailbox inbox;

    struct timer_wheel wheel;
    uint64_t tick_at_ms; /* when the tick event fires; TIMER_NEVER: not armed */
    uint64_t now_ns; /* of this turn; 0: not read yet */

    struct task *tasks, **last_task; /* for the next turn */
    unsigned task_count;
    struct outbox outbox; /* where heads are written, and what waits for the end of the turn */

    struct buffer_pool parts; /* parts of request heads, while the rest is waited for */
    struct buffer_pool heads; /* request heads and small bodies */
    struct buffer_pool bodies; /* response heads and streams */
    struct freelist *lists[LOOP_LISTS];
    unsigned list_count;
    struct timer trim; /* when what nobody needs any more goes back to the system */
    size_t freed_bytes; /* of blocks that are not kept for reuse, since the last trim */

    char date[HTTP_DATE_LENGTH];
    time_t date_second;
    uint64_t random_state;
    struct counters counters;
};

/* Makes the event loop, the inbox and the pools. loop_clear takes what is half made. */
int loop_init(struct loop *loop, int index, const struct host_settings *settings, struct error *err);
void loop_clear(struct loop *loop);

/* Takes turns until the phase is LOOP_STOPPED. */
void loop_run(struct loop *loop);

/* Delivers the mail of the inbox, whose owner is the loop. Returns whether there was any. */
bool loop_deliver(struct loop *loop);

/* Ends loop_run. */
void loop_stop(struct loop *loop);

/* The time of this turn: one clock reading however often it is asked. */
uint64_t loop_now_ns(struct loop *loop);

static inline uint64_t loop_now_ms(struct loop *loop)
{
    return loop_now_ns(loop) / 1000000;
}

/* Sets a deadline and sees to it that the loop wakes up for it. */
void loop_set_timer(struct loop *loop, struct timer *timer, uint64_t due_ms);

/* Has the task run in the next turn, once; does not want it any more. */
void loop_postpone(struct loop *loop, struct task *task);
void loop_unpostpone(struct loop *loop, struct task *task);

/* The Date header's value, HTTP_DATE_LENGTH bytes. */
const char *loop_date(struct loop *loop);

/* A number that is different each time. */
uint64_t loop_random(struct loop *loop);

/* Makes a list whose blocks go back to the system when nobody needs them any more: LOOP_LISTS at most, those
 * of the buffers included. */
void loop_init_list(struct loop *loop, struct freelist *list, size_t size, unsigned keep);

/* An empty buffer of that capacity, of the pool that has such, else of none; NULL: memory is out. */
struct buffer *loop_take(struct loop *loop, uint32_t capacity);

/* Gives a buffer back to the pool it came from, or frees one of no pool, and sets *held to NULL. */
void loop_give(struct loop *loop, struct buffer **held);

/* A block of so many bytes that no list keeps has been freed: has it go back to the system in time. */
void loop_freed(struct loop *loop, size_t bytes);

#endif
