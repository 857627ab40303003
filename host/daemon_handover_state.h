/* What the files that hand the daemon's place over share. Private to them; control thread. */
#ifndef DAEMON_HANDOVER_STATE_H
#define DAEMON_HANDOVER_STATE_H

#include "base/clock.h"
#include "base/mailbox.h"
#include "daemon_asker.h"
#include "daemon_estate.h"
#include "daemon_state.h"

#include <event2/event.h>

#define LOOK_MS 5 /* while something is waited for that tells of nothing */

enum handover_phase { WAITING, HOLDING, RELEASING, OFFERED, PASSING, ENDING };

struct handover {
    struct daemon *daemon;
    struct takeover_server *server;
    struct askers askers;
    struct asker *successor; /* one of them; NULL: none has been found yet, or it has failed */
    enum handover_phase phase; /* while daemon->is_handing_over */
    struct estate estate;
    struct event *look; /* timer */
    struct event *limit; /* for the successor, then for what is under way here */
    uint64_t began_ms, phase_ms; /* clock_ms() when it, and when its phase began */
    unsigned attempts;
    bool held, drained;
    bool reloads; /* whoever serves next is to look at everything again */
    int end_signal; /* and to end in this way; 0: it is not */
    struct mail held_mail;
};

static inline void handover_enter(struct handover *handover, enum handover_phase phase)
{
    handover->phase = phase;
    handover->phase_ms = clock_ms();
}

static inline bool handover_is_late(const struct handover *handover, unsigned limit_ms)
{
    return clock_ms() >= handover->phase_ms + limit_ms;
}

static inline void handover_set_timer(struct event *timer, unsigned ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_add(timer, &after);
}

#endif
