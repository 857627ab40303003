/* Counts of what comes in many kinds, of which few ever do: only those have a row. No locks: plain data. */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stddef.h>
#include <stdint.h>

struct tally_row {
    uint32_t kind; /* as whoever counts numbers them */
    uint64_t count;
};

/* Zero-initialised is empty. */
struct tally {
    struct tally_row *rows; /* in the order of their first coming */
    size_t length;
};

void tally_add(struct tally *tally, uint32_t kind);
void tally_clear(struct tally *tally);

#endif
