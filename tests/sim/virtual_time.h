/*
 * The clock of a simulation. It stands still while there is anything to do, and goes at once to where the
 * next timer is due when there is not: seconds cost nothing, and nothing depends on how fast this machine is.
 *
 * The program defines what the C library has for time, for waiting and for random numbers; whatever is linked
 * with it, libevent among it, gets these. Before virtual_time_begin() they are the kernel's.
 */
#ifndef SIM_VIRTUAL_TIME_H
#define SIM_VIRTUAL_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* Called before each wait, when all that was ready has been done: a turn of the event loop is over. */
typedef void virtual_time_turn_fn(void);

/* From now on time is virtual in this process, and random numbers follow from the seed. */
void virtual_time_begin(uint64_t seed, virtual_time_turn_fn *turn);

/* Milliseconds since the beginning. */
uint64_t virtual_time_ms(void);

/* How many turns there have been since time has passed last. */
unsigned virtual_time_turns_at_once(void);

/* What time it really is: a monotonic clock, in milliseconds. */
uint64_t virtual_time_real_ms(void);

#endif
