#include "fleet/instance/instance_state.h"

#define TO(state) (1u << INSTANCE_##state)

/* What may follow. */
static const struct {
    const char *name;
    unsigned leads_to;
} states[INSTANCE_STATES] = {
    [INSTANCE_CREATING] = {"creating", TO(STARTING) | TO(REMOVING)},
    [INSTANCE_STARTING] = {"starting", TO(PREWARMED) | TO(LOADING) | TO(READY) | TO(FAILED) | TO(REMOVING)},
    [INSTANCE_PREWARMED] = {"prewarmed", TO(LOADING) | TO(FAILED) | TO(REMOVING)},
    [INSTANCE_LOADING] = {"loading", TO(READY) | TO(FAILED) | TO(REMOVING)},
    [INSTANCE_READY] = {"ready", TO(DRAINING) | TO(FAILED) | TO(REMOVING)},
    [INSTANCE_DRAINING] = {"draining", TO(FAILED) | TO(REMOVING)},
    [INSTANCE_FAILED] = {"failed", TO(REMOVING)},
    [INSTANCE_REMOVING] = {"removing", 0},
};

const char *instance_state_name(enum instance_state state)
{
    return states[state].name;
}

bool instance_state_leads_to(enum instance_state from, enum instance_state to)
{
    return states[from].leads_to & (1u << to);
}
