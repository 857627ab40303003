/* The daemon's log as `berth up` shows it: what somebody who writes functions wants to know, a line each. */
#ifndef CLI_EVENT_VIEW_H
#define CLI_EVENT_VIEW_H

#include <jansson.h>
#include <stdint.h>

struct event_view {
    uint64_t began_ms; /* on the clock of clock_ms(): elapsed times are counted from there */
    char address[128]; /* where functions are called, once the daemon listens */
};

/* Prints what an event of the log comes to, which may be nothing. */
void event_view_print(struct event_view *view, const json_t *event);

#endif
