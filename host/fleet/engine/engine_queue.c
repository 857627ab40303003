#include "fleet/engine/engine_queue.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/timer.h"

#include <stdlib.h>

#define REMOVAL_PATIENCE_MS 2000

struct engine_queue {
    struct event *dispatcher; /* run callbacks come from the event loop, never from inside a caller */
    unsigned parallel, linger_ms;
    unsigned starts_waiting, starts_running, removals_waiting, removals_running;
    uint64_t turn;
    TAILQ_HEAD(, engine_ticket) waiting, lingering; /* oldest first */
};

static void wake(struct engine_queue *queue)
{
    event_active(queue->dispatcher, EV_TIMEOUT, 0);
}

static unsigned *waiting_count(struct engine_queue *queue, const struct engine_ticket *ticket)
{
    return ticket->removal ? &queue->removals_waiting : &queue->starts_waiting;
}

static unsigned *running_count(struct engine_queue *queue, const struct engine_ticket *ticket)
{
    return ticket->removal ? &queue->removals_running : &queue->starts_running;
}

static bool goes_before(const struct engine_account *a, const struct engine_account *b)
{
    return a->yields == b->yields ? a->last_turn < b->last_turn : b->yields;
}

/* The waiting start whose function has not had a turn for longest, the oldest of equals; one that somebody
 * waits for before those that nobody does. */
static struct engine_ticket *next_start(struct engine_queue *queue)
{
    struct engine_ticket *best = NULL, *ticket;
    TAILQ_FOREACH(ticket, &queue->waiting, link)
    {
        if (!ticket->removal && (!best || goes_before(ticket->account, best->account)))
            best = ticket;
    }
    return best;
}

static struct engine_ticket *next_removal(struct engine_queue *queue)
{
    struct engine_ticket *ticket;
    TAILQ_FOREACH(ticket, &queue->waiting, link)
    {
        if (ticket->removal)
            return ticket;
    }
    return NULL;
}

/* A removal that may run now, or NULL; then *ret_wait_ms says when its patience ends. */
static struct engine_ticket *due_removal(struct engine_queue *queue, uint64_t now_ms, uint64_t *ret_due_ms)
{
    *ret_due_ms = 0;
    if (queue->removals_running >= queue->parallel)
        return NULL;
    struct engine_ticket *removal = next_removal(queue);
    if (!removal)
        return NULL;
    if (queue->starts_waiting + queue->starts_running == 0 ||
        now_ms >= removal->since_ms + REMOVAL_PATIENCE_MS)
        return removal;
    *ret_due_ms = removal->since_ms + REMOVAL_PATIENCE_MS;
    return NULL;
}

/* Whatever it is at, it is unused from now on. */
static void take_out(struct engine_queue *queue, struct engine_ticket *ticket)
{
    if (ticket->state == TICKET_WAITING) {
        TAILQ_REMOVE(&queue->waiting, ticket, link);
        (*waiting_count(queue, ticket))--;
    } else {
        if (ticket->state == TICKET_LINGERING)
            TAILQ_REMOVE(&queue->lingering, ticket, link);
        (*running_count(queue, ticket))--;
    }
    ticket->state = TICKET_UNUSED;
}

static void run(struct engine_queue *queue, struct engine_ticket *ticket)
{
    TAILQ_REMOVE(&queue->waiting, ticket, link);
    (*waiting_count(queue, ticket))--;
    (*running_count(queue, ticket))++;
    ticket->state = TICKET_RUNNING;
    if (ticket->account)
        ticket->account->last_turn = ++queue->turn;
    ticket->run(ticket->owner);
}

/* Ends those that have lingered for long enough. When the next one has; 0: there is none. */
static uint64_t end_lingering(struct engine_queue *queue, uint64_t now_ms)
{
    struct engine_ticket *ticket;
    while ((ticket = TAILQ_FIRST(&queue->lingering)) && now_ms >= ticket->since_ms + queue->linger_ms)
        take_out(queue, ticket);
    return ticket ? ticket->since_ms + queue->linger_ms : 0;
}

static void dispatch(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct engine_queue *queue = context;
    uint64_t now_ms = clock_ms(), lingers_ms = end_lingering(queue, now_ms), due_ms;
    while (queue->starts_waiting > 0 && queue->starts_running < queue->parallel)
        run(queue, next_start(queue));

    struct engine_ticket *removal;
    while ((removal = due_removal(queue, now_ms, &due_ms)) != NULL)
        run(queue, removal);
    if (lingers_ms && (!due_ms || lingers_ms < due_ms))
        due_ms = lingers_ms;
    if (due_ms)
        timer_at(queue->dispatcher, due_ms, now_ms);
}

struct engine_queue *engine_queue_create(struct event_base *base, unsigned parallel, unsigned linger_ms)
{
    struct engine_queue *queue = xcalloc(1, sizeof(*queue));
    queue->parallel = parallel ? parallel : 1;
    queue->linger_ms = linger_ms;
    TAILQ_INIT(&queue->waiting);
    TAILQ_INIT(&queue->lingering);
    queue->dispatcher = evtimer_new(base, dispatch, queue);
    return queue;
}

void engine_queue_destroy(struct engine_queue *queue)
{
    if (!queue)
        return;
    event_free(queue->dispatcher);
    free(queue);
}

static void enqueue(struct engine_queue *queue, struct engine_ticket *ticket)
{
    ticket->state = TICKET_WAITING;
    ticket->since_ms = clock_ms();
    TAILQ_INSERT_TAIL(&queue->waiting, ticket, link);
    (*waiting_count(queue, ticket))++;
    wake(queue);
}

void engine_queue_start(struct engine_queue *queue, struct engine_ticket *ticket,
                        struct engine_account *account)
{
    ticket->removal = false;
    ticket->account = account;
    enqueue(queue, ticket);
}

void engine_queue_remove(struct engine_queue *queue, struct engine_ticket *ticket)
{
    ticket->removal = true;
    ticket->account = NULL;
    enqueue(queue, ticket);
}

void engine_queue_linger(struct engine_queue *queue, struct engine_ticket *ticket)
{
    if (ticket->state == TICKET_UNUSED) {
        ticket->removal = false;
        queue->starts_running++;
    } else if (ticket->state != TICKET_RUNNING) {
        return;
    }
    ticket->state = TICKET_LINGERING;
    ticket->since_ms = clock_ms();
    TAILQ_INSERT_TAIL(&queue->lingering, ticket, link);
    wake(queue);
}

void engine_queue_finish(struct engine_queue *queue, struct engine_ticket *ticket)
{
    if (ticket->state == TICKET_UNUSED)
        return;
    take_out(queue, ticket);
    wake(queue);
}

unsigned engine_queue_starts(const struct engine_queue *queue)
{
    return queue->starts_waiting + queue->starts_running;
}
