#include "agenda.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "chance.h"
#include "virtual_time.h"

#include <event2/event.h>
#include <stdlib.h>

struct agenda_item {
    uint64_t due_ms;
    unsigned lot; /* that was drawn for it: who is first of the same moment */
    uint64_t number; /* for two with the same lot */
    size_t place;
    agenda_fn *happen;
    void *context;
    bool is_daemons;
};

/* A heap: each item is due before the two below it. */
static struct agenda_item **items;
static size_t count, room;
static uint64_t numbers;
static struct chance lots;
static struct event *tick;

static bool is_before(const struct agenda_item *one, const struct agenda_item *other)
{
    if (one->due_ms != other->due_ms)
        return one->due_ms < other->due_ms;
    return one->lot != other->lot ? one->lot < other->lot : one->number < other->number;
}

static void put(struct agenda_item *item, size_t place)
{
    items[place] = item;
    item->place = place;
}

static void rise(struct agenda_item *item)
{
    while (item->place > 0 && is_before(item, items[(item->place - 1) / 2])) {
        size_t place = (item->place - 1) / 2;
        put(items[place], item->place);
        put(item, place);
    }
}

static void sink(struct agenda_item *item)
{
    for (;;) {
        size_t first = 2 * item->place + 1;
        if (first + 1 < count && is_before(items[first + 1], items[first]))
            first++;
        if (first >= count || !is_before(items[first], item))
            return;
        put(items[first], item->place);
        put(item, first);
    }
}

static void arm(void)
{
    if (!tick || count == 0)
        return;
    uint64_t now_ms = virtual_time_ms(), due_ms = items[0]->due_ms;
    uint64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                           .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    evtimer_add(tick, &wait);
}

static void take_out(struct agenda_item *item)
{
    struct agenda_item *last = items[--count];
    if (last == item)
        return;
    put(last, item->place);
    rise(last);
    sink(last);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what, (void)context;
    if (count > 0 && items[0]->due_ms <= virtual_time_ms()) {
        cleanup_free struct agenda_item *item = items[0];
        take_out(item);
        item->happen(item->context);
    }
    arm();
}

void agenda_init(uint64_t seed)
{
    chance_seed(&lots, seed);
}

void agenda_attach(struct event_base *base)
{
    if (tick)
        event_free(tick);
    tick = base ? evtimer_new(base, on_tick, NULL) : NULL;
    arm();
}

static void set_time(struct agenda_item *item, unsigned delay_ms)
{
    item->due_ms = virtual_time_ms() + delay_ms;
    item->lot = chance_below(&lots, 1u << 30);
    item->number = numbers++;
}

static struct agenda_item *add(unsigned delay_ms, agenda_fn *happen, void *context, bool is_daemons)
{
    struct agenda_item *item = xcalloc(1, sizeof(*item));
    *item = (struct agenda_item){.happen = happen, .context = context, .is_daemons = is_daemons};
    set_time(item, delay_ms);
    if (count == room) {
        room = room ? 2 * room : 64;
        items = xrealloc(items, room * sizeof(struct agenda_item *));
    }
    put(item, count++);
    rise(item);
    arm();
    return item;
}

struct agenda_item *agenda_add(unsigned delay_ms, agenda_fn *happen, void *context)
{
    return add(delay_ms, happen, context, false);
}

struct agenda_item *agenda_add_daemons(unsigned delay_ms, agenda_fn *happen, void *context)
{
    return add(delay_ms, happen, context, true);
}

void agenda_kill_daemon(void)
{
    for (size_t i = 0; i < count;) {
        if (items[i]->is_daemons) {
            agenda_strike(items[i]);
            i = 0; /* the heap is another one */
        } else {
            i++;
        }
    }
}

void agenda_move(struct agenda_item *item, unsigned delay_ms)
{
    set_time(item, delay_ms);
    rise(item);
    sink(item);
    arm();
}

void agenda_strike(struct agenda_item *item)
{
    if (!item)
        return;
    take_out(item);
    free(item);
    arm();
}
