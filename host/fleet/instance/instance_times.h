/* How long the phases of an instance's start took. */
#ifndef FLEET_INSTANCE_INSTANCE_TIMES_H
#define FLEET_INSTANCE_INSTANCE_TIMES_H

#include <stdint.h>

/* In milliseconds; 0: not passed (yet). */
struct instance_times {
    uint64_t created_ms; /* clock_ms() when it was asked for */
    uint32_t create_ms; /* docker create */
    uint32_t start_ms; /* docker start, with the first dial when that was later */
    uint32_t load_ms; /* init sent to answered */
};

#endif
