/* Numbers that look random and follow from a seed: on every machine the same. */
#ifndef SIM_CHANCE_H
#define SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

void chance_seed(struct chance *chance, uint64_t seed);

/* From 0 on, less than `limit`, which is not 0. */
unsigned chance_below(struct chance *chance, unsigned limit);

/* From `least` to `most`, both included. */
unsigned chance_between(struct chance *chance, unsigned least, unsigned most);

/* True in so many of a thousand cases. */
bool chance_in_1000(struct chance *chance, unsigned cases);

/* Mostly near `least`, seldom near `most`: how long things take. */
unsigned chance_skewed(struct chance *chance, unsigned least, unsigned most);

#endif
