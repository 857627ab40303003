/* What all runs together have come to. In memory that the processes of the runs share. */
#ifndef SIM_TOTALS_H
#define SIM_TOTALS_H

#include "fleet/instance/instance_state.h"

#include <stdint.h>

#define FAULTS(X)                                                                                            \
    X(AWAY, "away", "the engine goes away, and comes back")                                                  \
    X(HUNG, "hung", "the engine answers nothing for a while")                                                \
    X(CALLS, "calls", "calls to the engine fail, lie or take minutes")                                       \
    X(EVENTS, "events", "the engine tells late of what happens, or not at all")                              \
    X(DEATHS, "deaths", "containers are killed, exit, or run out of memory")                                 \
    X(HANG_UPS, "hang-ups", "runners close connections")                                                     \
    X(STARTS, "starts", "containers end at once, or their runners never come")                               \
    X(LOADS, "loads", "functions do not load, or open too few connections")                                  \
    X(BUILDS, "builds", "build jobs and images fail")                                                        \
    X(EDITS, "edits", "functions are changed, broken, added and removed")                                    \
    X(REGISTRY, "registry", "the registry is garbage, or not there")                                         \
    X(CLIENTS, "clients", "clients go away, requests run into their time limit")                             \
    X(RESTARTS, "restarts", "the daemon ends and starts again")                                              \
    X(CRASHES, "crashes", "the daemon is killed and starts again")                                           \
    X(RELEASES, "releases", "the daemon ends and leaves its instances to the next one")                      \
    X(UPGRADES, "upgrades", "the same, and what is open of them is handed over")

#define FAULT_CONSTANT(name, word, help) FAULT_##name,
enum fault { FAULTS(FAULT_CONSTANT) FAULT_KINDS };
#undef FAULT_CONSTANT

#define FAULT_BIT(fault) (1u << (fault))

enum outcome {
    OUTCOME_SERVED,
    OUTCOME_ERROR, /* the fleet, or its route, had an error for it */
    OUTCOME_REFUSED, /* the queue was full */
    OUTCOME_PATIENCE, /* it waited for as long as a request waits */
    OUTCOME_LOST, /* its instance went away under it */
    OUTCOME_LIMIT, /* it kept its slot for too long */
    OUTCOME_LEFT, /* its client went away */
    OUTCOME_ENDED, /* the daemon ended */
    OUTCOMES
};

#define EVENT_NAMES_MAX 256

struct totals {
    uint64_t runs, turns, virtual_ms;
    uint64_t transitions[INSTANCE_STATES][INSTANCE_STATES];
    uint64_t faults[FAULT_KINDS];
    uint64_t outcomes[OUTCOMES];
    uint64_t containers, engine_calls, builds, daemons;
    struct {
        char name[40];
        uint64_t count;
    } events[EVENT_NAMES_MAX]; /* what the daemon has logged */
    uint64_t hash; /* of the last run's trace */
    char violation[1024]; /* what the last run has come to; "": nothing */
};

/* The word for a kind of fault, and what it is. */
const char *fault_word(enum fault fault);
const char *fault_help(enum fault fault);

/* Prints what was covered. */
void totals_print(const struct totals *totals);

#endif
