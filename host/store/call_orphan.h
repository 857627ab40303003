/* Files among the bodies that no call names: of transactions that a crash cut off, or of calls that are lost.
 */
#ifndef STORE_CALL_ORPHAN_H
#define STORE_CALL_ORPHAN_H

#include "store/sql.h"

/* Moves those of the folder `bodies` that have a call's number into the folder `aside`, which is made when it
 * is needed; with NULL they are removed. Those that were being written are removed in any case. */
int call_orphans_clear(struct sql *sql, const char *bodies, const char *aside, struct error *err);

/* The highest number that a file in the folder has; 0: none. */
int64_t call_orphans_last(const char *bodies);

#endif
