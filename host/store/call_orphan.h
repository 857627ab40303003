/* Files among the bodies that no call names: of transactions that a crash cut off, or of calls that are lost.
 */
#ifndef STORE_CALL_ORPHAN_H
#define STORE_CALL_ORPHAN_H

#include "store/call_body.h"
#include "store/sql.h"

/* Whether a call says that it has this body in a file: 1, 0. */
int call_file_is_named(struct sql *sql, int64_t number, enum body_kind kind, struct error *err);

/* Moves those of the folder `bodies` that have a call's number into the folder `aside`, which is made when it
 * is needed; with NULL they are removed. Those that were being written are removed in any case. */
int call_orphans_clear(struct sql *sql, const char *bodies, const char *aside, struct error *err);

/* The highest number that a file in the folder has; 0: none. */
int64_t call_orphans_last(const char *bodies);

#endif
