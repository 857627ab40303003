#include "calls/lanes.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/timer.h"
#include "calls/retry.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_LAST_MS 60000 /* a wall clock may be set meanwhile */

void lanes_init(struct lanes *lanes, struct calls_env *env)
{
    *lanes = (struct lanes){.env = env};
    LIST_INIT(&lanes->list);
    TAILQ_INIT(&lanes->looking);
}

void lanes_clear(struct lanes *lanes)
{
    struct lane *lane;
    HASH_CLEAR(hh, lanes->by_name);
    while ((lane = LIST_FIRST(&lanes->list))) {
        LIST_REMOVE(lane, link);
        event_del(&lane->timer);
        free(lane);
    }
}

void lane_look(struct lane *lane)
{
    if (!lane->is_looking)
        TAILQ_INSERT_TAIL(&lane->all->looking, lane, looking);
    lane->is_looking = true;
}

void lane_look_at(struct lane *lane, uint64_t due_ms, uint64_t now_ms)
{
    uint64_t last_ms = now_ms + LOOK_LAST_MS;
    timer_at(&lane->timer, due_ms < last_ms ? due_ms : last_ms, now_ms);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    lane_look(context);
}

struct lane *lanes_find(struct lanes *lanes, const char *function)
{
    struct lane *lane;
    HASH_FIND_STR(lanes->by_name, function, lane);
    if (lane)
        return lane;
    size_t size = strlen(function) + 1;
    lane = xcalloc(1, sizeof(*lane) + size);
    lane->all = lanes;
    memcpy(lane->name, function, size);
    evtimer_assign(&lane->timer, lanes->env->base, on_time, lane);
    LIST_INSERT_HEAD(&lanes->list, lane, link);
    HASH_ADD_KEYPTR(hh, lanes->by_name, lane->name, size - 1, lane);
    return lane;
}

struct lane *lanes_take(struct lanes *lanes)
{
    struct lane *lane = queue_take_first(&lanes->looking, looking);
    if (lane)
        lane->is_looking = false;
    return lane;
}

void lane_hold(struct lane *lane, uint64_t clock_now_ms)
{
    if (lane_held_ms(lane, clock_now_ms) > 0)
        return;
    lane->holds++;
    lane->held_until_ms = clock_now_ms + retry_hold_ms(lane->holds, arc4random());
}

uint64_t lane_held_ms(const struct lane *lane, uint64_t clock_now_ms)
{
    return clock_now_ms < lane->held_until_ms ? lane->held_until_ms - clock_now_ms : 0;
}

void lanes_note_refusal(struct lanes *lanes, const struct error *err)
{
    if (!lanes->is_failing)
        log_warning("calls.store-failing", LOG_ERR(err));
    lanes->is_failing = true;
}

void lanes_note_success(struct lanes *lanes)
{
    if (lanes->is_failing)
        log_info("calls.store-works");
    lanes->is_failing = false;
}
