#include "gateway/backlog.h"

#include "base/log.h"
#include "gateway/loop.h"

#include <stdlib.h>

#define TELL_MS 1000

/* Between two looks at all clients that were in vain: with thousands of them a look takes its time. */
#define PAUSE_MS 100

void backlogs_init(struct backlogs *backlogs, struct loop *loop, uint64_t max_bytes,
                   bool (*on_short)(struct backlog *backlog, uint64_t now_ms))
{
    *backlogs = (struct backlogs){.loop = loop, .max_bytes = max_bytes, .on_short = on_short};
    TAILQ_INIT(&backlogs->list);
}

static void count_held(struct backlogs *backlogs, int64_t bytes)
{
    backlogs->held_bytes += (uint64_t)bytes;
    counter_add(&backlogs->loop->counters, COUNTER_BUFFERED_BYTES, (uint64_t)bytes);
}

void backlog_note_cut(struct backlogs *backlogs, const char *address)
{
    uint64_t now_ms = loop_now_ms(backlogs->loop);
    counter_add(&backlogs->loop->counters, COUNTER_SLOW_CUT, 1);
    backlogs->untold++;
    if (now_ms - backlogs->told_ms < TELL_MS)
        return;
    log_info("gateway.slow-clients-cut", LOG_INT("worker", backlogs->loop->index),
             LOG_INT("count", backlogs->untold), LOG_STR("last", address),
             LOG_INT("buffered_bytes", backlogs->held_bytes));
    backlogs->told_ms = now_ms;
    backlogs->untold = 0;
}

/* Cuts those that are too slow until there is room. Whoever was not goes to the end of the list with a new
 * measurement, so each is looked at once. */
static void make_room(struct backlog *wanting, size_t bytes)
{
    struct backlogs *backlogs = wanting->all;
    uint64_t now_ms = loop_now_ms(backlogs->loop);
    if (now_ms < backlogs->look_again_ms)
        return;
    backlogs->making_room = true;
    struct backlog *last = TAILQ_LAST(&backlogs->list, backlog_list);
    bool more = last != NULL;
    while (more && bytes > backlogs->max_bytes - backlogs->held_bytes) {
        struct backlog *backlog = TAILQ_FIRST(&backlogs->list);
        more = backlog != last;
        if (backlog != wanting && backlogs->on_short(backlog, now_ms))
            continue;
        TAILQ_REMOVE(&backlogs->list, backlog, entry);
        TAILQ_INSERT_TAIL(&backlogs->list, backlog, entry);
    }
    backlogs->making_room = false;
    if (!more)
        backlogs->look_again_ms = now_ms + PAUSE_MS;
}

static bool has_room(struct backlog *backlog, size_t bytes)
{
    struct backlogs *backlogs = backlog->all;
    if (bytes > backlogs->max_bytes - backlogs->held_bytes && !backlogs->making_room)
        make_room(backlog, bytes);
    return bytes <= backlogs->max_bytes - backlogs->held_bytes;
}

static void list_it(struct backlog *backlog)
{
    if (backlog->is_listed)
        return;
    TAILQ_INSERT_TAIL(&backlog->all->list, backlog, entry);
    backlog->is_listed = true;
}

bool backlog_hold_request(struct backlog *backlog, size_t size_bytes)
{
    size_t held = backlog->request_bytes;
    if (size_bytes > held && !has_room(backlog, size_bytes - held))
        return false;
    list_it(backlog);
    count_held(backlog->all, (int64_t)size_bytes - (int64_t)held);
    backlog->request_bytes = size_bytes;
    return true;
}

struct chunk *backlog_add_chunk(struct backlog *backlog, uint32_t capacity)
{
    size_t size = sizeof(struct chunk) + capacity;
    struct chunk *chunk = has_room(backlog, size) ? malloc(size) : NULL;
    if (!chunk)
        return NULL;
    *chunk = (struct chunk){.capacity = capacity};
    if (backlog->last)
        backlog->last->next = chunk;
    else
        backlog->first = chunk;
    backlog->last = chunk;
    list_it(backlog);
    count_held(backlog->all, (int64_t)size);
    return chunk;
}

void backlog_drop_chunk(struct backlog *backlog)
{
    struct chunk *chunk = backlog->first;
    size_t size = sizeof(*chunk) + chunk->capacity;
    backlog->first = chunk->next;
    if (!backlog->first)
        backlog->last = NULL;
    count_held(backlog->all, -(int64_t)size);
    loop_freed(backlog->all->loop, size);
    free(chunk);
}

void backlog_clear(struct backlog *backlog)
{
    if (!backlog->is_listed)
        return;
    while (backlog->first)
        backlog_drop_chunk(backlog);
    count_held(backlog->all, -(int64_t)backlog->request_bytes);
    backlog->request_bytes = 0;
    TAILQ_REMOVE(&backlog->all->list, backlog, entry);
    backlog->is_listed = false;
}
