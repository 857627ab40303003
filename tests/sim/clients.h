/* Requests, as the workers of the gateway hold them: they take slots of the pools that the routes name, wait
 * for them, keep them for a while, and give them back in all the ways there are. */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include "totals.h"

#include <stdbool.h>

struct event_base;
struct route_table;
struct slot;

enum patience {
    WAITS_AS_SET, /* for `queue_timeout` */
    WAITS_FOR_EVER
};

/* A gateway begins, on this loop; the routes are the fleet's. */
void clients_begin(struct event_base *base, struct route_table *routes);

/* It ends: whatever is under way is cut off. `killed`: with everything that the daemon had. */
void clients_end(bool killed);

/* A request for this function. */
void clients_ask(const char *function, enum patience patience);

/* How many have not ended yet; of those, how many still wait for a slot. */
unsigned clients_count(void);
unsigned clients_waiting(void);

/* How many have ended so, of all functions or of this one, since the last time that it was asked to count
 * anew. */
unsigned clients_outcomes(enum outcome outcome);
void clients_count_anew(void);

/* What the last one that was told an error was told. */
const char *clients_last_error(void);

/* Describes one that still waits, for people. */
void clients_describe_waiting(char *text, unsigned size);

#endif
