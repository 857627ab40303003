/*
 * In which order Docker is asked for the slow things. Parallel starts slow each other down, so only about one
 * a core runs at a time, taken round robin over functions, those that nobody waits for last; removals wait
 * while starts are wanted, but not for ever. Control thread.
 */
#ifndef FLEET_ENGINE_ENGINE_QUEUE_H
#define FLEET_ENGINE_ENGINE_QUEUE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct engine_queue;

/* Whose turn it was last: one for each function (and one for each prewarm pool). Zero-initialised; outlives
 * its tickets. */
struct engine_account {
    uint64_t last_turn;
    bool yields; /* nobody waits for its starts: they come after all others */
};

enum engine_ticket_state { TICKET_UNUSED = 0, TICKET_WAITING, TICKET_RUNNING, TICKET_LINGERING };

/* One wish, embedded in what makes it. Zero-initialised is unused. */
struct engine_ticket {
    enum engine_ticket_state state;
    bool removal;
    struct engine_account *account;
    void (*run)(void *owner); /* called from the event loop when its turn has come */
    void *owner;
    uint64_t since_ms; /* it waits, or lingers */
    TAILQ_ENTRY(engine_ticket) link;
};

/* `parallel` starts at a time at most, and as many removals. `linger_ms` is for how long one that lingers
 * does. */
struct engine_queue *engine_queue_create(struct event_base *base, unsigned parallel, unsigned linger_ms);

/* No ticket may be in use any more. NULL is fine. */
void engine_queue_destroy(struct engine_queue *queue);

/* Queues a start; set `run` and `owner` before. */
void engine_queue_start(struct engine_queue *queue, struct engine_ticket *ticket,
                        struct engine_account *account);

/* Queues a removal: it runs when no start waits or runs, or after it has waited for 2 s. */
void engine_queue_remove(struct engine_queue *queue, struct engine_ticket *ticket);

/* The engine has done its part, and the function loads now: a start that runs keeps its place for a moment
 * more, so that the next one does not take the processor from it, and sees what it has come to. An unused
 * ticket takes a place for as long without having had to wait for it. */
void engine_queue_linger(struct engine_queue *queue, struct engine_ticket *ticket);

/* Ends a running ticket or withdraws a waiting one. Harmless on an unused one. */
void engine_queue_finish(struct engine_queue *queue, struct engine_ticket *ticket);

/* Starts that wait or run. */
unsigned engine_queue_starts(const struct engine_queue *queue);

#endif
