#include "gateway/backlog.h"

#include "base/log.h"
#include "gateway/deadline.h"
#include "gateway/exchange.h"
#include "gateway/relay.h"
#include "gateway/worker.h"

#include <stdlib.h>

#define TELL_MS 1000

/* Between two looks at all clients that were in vain: with thousands of them a look takes its time. */
#define PAUSE_MS 100

void backlogs_init(struct backlogs *backlogs, uint64_t max_bytes)
{
    *backlogs = (struct backlogs){.max_bytes = max_bytes};
    TAILQ_INIT(&backlogs->list);
}

static void count_held(struct worker *worker, int64_t bytes)
{
    worker->backlogs.held_bytes += (uint64_t)bytes;
    counter_add(&worker->counters.buffered_bytes, (uint64_t)bytes);
}

void backlog_note_cut(struct exchange *exchange)
{
    struct worker *worker = exchange->worker;
    struct backlogs *backlogs = &worker->backlogs;
    uint64_t now_ms = worker_now_ms(worker);
    counter_add(&worker->counters.slow_cut, 1);
    backlogs->untold++;
    if (now_ms - backlogs->told_ms < TELL_MS)
        return;
    log_info("gateway.slow-clients-cut", LOG_INT("worker", worker->index), LOG_INT("count", backlogs->untold),
             LOG_STR("last", exchange->client->address), LOG_INT("buffered_bytes", backlogs->held_bytes));
    backlogs->told_ms = now_ms;
    backlogs->untold = 0;
}

/* Cuts those that are too slow until there is room. Whoever was not goes to the end of the list with a new
 * measurement, so each is looked at once. */
static void make_room(struct exchange *exchange, size_t bytes)
{
    struct worker *worker = exchange->worker;
    struct backlogs *backlogs = &worker->backlogs;
    struct backlog *backlog;
    uint64_t now_ms = worker_now_ms(worker);
    if (now_ms < backlogs->look_again_ms)
        return;
    backlogs->making_room = true;
    struct backlog *last = TAILQ_LAST(&backlogs->list, backlog_list);
    bool more = last != NULL;
    while (more && bytes > backlogs->max_bytes - backlogs->held_bytes) {
        backlog = TAILQ_FIRST(&backlogs->list);
        more = backlog != last;
        if (backlog->exchange != exchange && deadline_gives_way(backlog->exchange, now_ms))
            continue;
        TAILQ_REMOVE(&backlogs->list, backlog, entry);
        TAILQ_INSERT_TAIL(&backlogs->list, backlog, entry);
    }
    backlogs->making_room = false;
    if (!more)
        backlogs->look_again_ms = now_ms + PAUSE_MS;
}

static bool has_room(struct exchange *exchange, size_t bytes)
{
    struct backlogs *backlogs = &exchange->worker->backlogs;
    if (bytes > backlogs->max_bytes - backlogs->held_bytes && !backlogs->making_room)
        make_room(exchange, bytes);
    return bytes <= backlogs->max_bytes - backlogs->held_bytes;
}

static struct backlog *backlog_of(struct exchange *exchange)
{
    struct backlog *backlog = exchange->backlog;
    if (backlog)
        return backlog;
    backlog = calloc(1, sizeof(*backlog));
    if (!backlog)
        return NULL;
    backlog->exchange = exchange;
    TAILQ_INSERT_TAIL(&exchange->worker->backlogs.list, backlog, entry);
    exchange->backlog = backlog;
    return backlog;
}

bool backlog_hold_request(struct exchange *exchange, size_t size_bytes)
{
    size_t held = exchange->backlog ? exchange->backlog->request_bytes : 0;
    if (size_bytes > held && !has_room(exchange, size_bytes - held))
        return false;
    struct backlog *backlog = backlog_of(exchange);
    if (!backlog)
        return false;
    count_held(exchange->worker, (int64_t)size_bytes - (int64_t)held);
    backlog->request_bytes = size_bytes;
    return true;
}

struct chunk *backlog_add_chunk(struct exchange *exchange, uint32_t capacity)
{
    size_t size = sizeof(struct chunk) + capacity;
    if (!has_room(exchange, size))
        return NULL;
    struct backlog *backlog = backlog_of(exchange);
    struct chunk *chunk = backlog ? malloc(size) : NULL;
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.capacity = capacity};
    if (backlog->last)
        backlog->last->next = chunk;
    else
        backlog->first = chunk;
    backlog->last = chunk;
    backlog->answer_bytes += size;
    count_held(exchange->worker, (int64_t)size);
    return chunk;
}

void backlog_drop_chunk(struct exchange *exchange)
{
    struct backlog *backlog = exchange->backlog;
    struct chunk *chunk = backlog->first;
    size_t size = sizeof(*chunk) + chunk->capacity;
    backlog->first = chunk->next;
    if (!backlog->first)
        backlog->last = NULL;
    backlog->answer_bytes -= size;
    count_held(exchange->worker, -(int64_t)size);
    worker_freed(exchange->worker, size);
    free(chunk);
}

bool backlog_has_chunks(const struct exchange *exchange)
{
    return exchange->backlog && exchange->backlog->first;
}

void backlog_clear(struct exchange *exchange)
{
    struct backlog *backlog = exchange->backlog;
    if (!backlog)
        return;
    while (backlog->first)
        backlog_drop_chunk(exchange);
    count_held(exchange->worker, -(int64_t)backlog->request_bytes);
    TAILQ_REMOVE(&exchange->worker->backlogs.list, backlog, entry);
    exchange->backlog = NULL;
    free(backlog);
}
