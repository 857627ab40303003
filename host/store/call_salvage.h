/*
 * A damaged database is set aside, and what can be read of it makes a new one. The calls keep their numbers,
 * so the files of bodies stay where they are; those that no call names any more are set aside, too.
 */
#ifndef STORE_CALL_SALVAGE_H
#define STORE_CALL_SALVAGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

/* Notes that the database in `dir` was found to be damaged while it was in use. */
void call_salvage_mark(const char *dir);

/* Whether what lies in `dir` cannot be all that there was: it is marked, or bodies are there and no database.
 */
bool call_salvage_is_due(const char *dir);

/* Puts a new database in the place of the one in `dir`, which nobody has open. It is logged. -1: nothing has
 * changed. */
int call_salvage_run(const char *dir, uint64_t now_ms, struct error *err);

/* Ends what call_salvage_run() had begun to do when the process ended. */
int call_salvage_finish(const char *dir, struct error *err);

#endif
