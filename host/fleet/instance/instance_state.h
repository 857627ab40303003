/*
 * The states of an instance, and which may follow which.
 *
 *   creating ──created──► starting ──reached──► prewarmed ──instance_load──► loading ──init answered──► ready
 *      │                     │                     │                           │                         │
 *      │                     │ (with a load given at start, straight to loading)         instance_retire │
 *      │                     │                     │                           │                         ▼
 *      ├─────────────────────┴─────────────────────┼───────────────────────────┴──────────────────► draining
 *      │                                           ▼                                                     │
 *      │                                   failed (cause found) ◄────────────────────────────────────────┤
 *      │                                           │                                                     │
 *      └───────────────────────────────────────► removing ◄──────────────────────────────────────────────┘
 *                                                  │
 *                                                  ▼
 *                                                gone (hooks.gone, then freed)
 *
 * One that an earlier daemon has started begins in `starting`, and is `ready` at once when it had its
 * function.
 *
 * Only from `starting` on there is a container that the engine has named. Before that nothing about one is
 * asked or believed: the link takes no connection, and what the engine says of an end is not about this
 * start.
 */
#ifndef FLEET_INSTANCE_INSTANCE_STATE_H
#define FLEET_INSTANCE_INSTANCE_STATE_H

#include <stdbool.h>

/* In the order of a life: what is before INSTANCE_FAILED is alive. */
enum instance_state {
    INSTANCE_CREATING, /* waits for its turn, or for the engine to make the container */
    INSTANCE_STARTING, /* the container is there and is started; its runner has not connected yet, or loads
                        * libraries ahead */
    INSTANCE_PREWARMED, /* the runner has connected and waits for a function */
    INSTANCE_LOADING, /* init is on its way */
    INSTANCE_READY, /* takes requests */
    INSTANCE_DRAINING, /* finishes those under way */
    INSTANCE_FAILED, /* the cause is being found out */
    INSTANCE_REMOVING, /* the container is being stopped and removed */
};

#define INSTANCE_STATES (INSTANCE_REMOVING + 1)

const char *instance_state_name(enum instance_state state);

/* Whether an instance may go from one state to the other. */
bool instance_state_leads_to(enum instance_state from, enum instance_state to);

#endif
