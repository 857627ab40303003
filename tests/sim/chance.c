#include "chance.h"

/* SplitMix64: each number is a hash of a counter. */
static uint64_t next(struct chance *chance)
{
    uint64_t mixed = (chance->state += UINT64_C(0x9e3779b97f4a7c15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ (mixed >> 31);
}

void chance_seed(struct chance *chance, uint64_t seed)
{
    chance->state = seed;
    next(chance);
}

unsigned chance_below(struct chance *chance, unsigned limit)
{
    return (unsigned)((next(chance) >> 32) * limit >> 32);
}

unsigned chance_between(struct chance *chance, unsigned least, unsigned most)
{
    return least + chance_below(chance, most - least + 1);
}

bool chance_in_1000(struct chance *chance, unsigned cases)
{
    return chance_below(chance, 1000) < cases;
}

unsigned chance_skewed(struct chance *chance, unsigned least, unsigned most)
{
    unsigned limit = chance_between(chance, least, most);
    return chance_between(chance, least, chance_between(chance, least, limit));
}
