/* One run of the simulation, from a seed. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "totals.h"

#include <stdbool.h>
#include <stdint.h>

struct run_options {
    char root[48]; /* a folder, which is empty */
    unsigned kinds; /* of faults: FAULT_BIT() */
    bool trace; /* is printed */
};

/* Runs it in this process, which ends with it: 0 when no rule was broken. */
_Noreturn void run_play(uint64_t seed, const struct run_options *options, struct totals *totals);

#endif
