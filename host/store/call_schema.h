/* The tables of calls, as versions that follow each other: PRAGMA user_version says which one a file has. */
#ifndef STORE_CALL_SCHEMA_H
#define STORE_CALL_SCHEMA_H

#include "store/sql.h"

/* Brings the database to the newest version, each step of it in a transaction; an empty one gets all of them.
 * "calls-store" when it was made by a later version of Berth: it is left as it is. */
int call_schema_apply(struct sql *sql, struct error *err);

/* The same up to a version: for what was read of a database that had this one. */
int call_schema_apply_some(struct sql *sql, int64_t last, struct error *err);

#endif
