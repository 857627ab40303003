/* What can be read of a damaged database of calls, row by row. */
#ifndef STORE_CALL_RESCUE_H
#define STORE_CALL_RESCUE_H

#include "base/error.h"

#include <stdint.h>

struct call_rescued {
    int64_t calls; /* that were saved */
    int64_t dead; /* of those: what they need is lost, so they are dead letters with the reason "damaged" */
};

/* Makes a database at `path`, where none is, of what is readable in the one at `damaged`, which stays as it
 * is and need not be there. `bodies`: the folder of bodies; those that no call names are moved to `aside`.
 * -1: the new one cannot be written. */
int call_rescue(const char *damaged, const char *path, const char *bodies, const char *aside,
                struct call_rescued *ret_rescued, struct error *err);

#endif
