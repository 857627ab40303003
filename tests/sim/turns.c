#include "turns.h"

#include "agenda.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <event2/event.h>

void turns_one(void)
{
    event_base_loop(sim.base, EVLOOP_ONCE);
}

void turns_until(until_fn *holds, unsigned limit_ms, const char *what)
{
    char text[256] = "";
    uint64_t end_ms = virtual_time_ms() + limit_ms;
    while (!holds(text, sizeof(text))) {
        turns_one();
        if (virtual_time_ms() > end_ms)
            trace_violation("after %u ms still not %s: %s", limit_ms, what, text);
    }
}

static uint64_t wait_until_ms;

static bool is_over(char *text, unsigned size)
{
    (void)text, (void)size;
    return virtual_time_ms() >= wait_until_ms;
}

static void nothing(void *context)
{
    (void)context;
}

void turns_let_pass(unsigned ms)
{
    wait_until_ms = virtual_time_ms() + ms;
    agenda_add(ms, nothing, NULL);
    turns_until(is_over, 2 * ms + 1, "later");
}
