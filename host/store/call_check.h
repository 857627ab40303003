/* Whether what a store of calls has is whole. */
#ifndef STORE_CALL_CHECK_H
#define STORE_CALL_CHECK_H

#include "base/error.h"

/* Reads all of the database in `dir`, which takes some seconds for a million of calls, by a connection of its
 * own: the store may be in use meanwhile. *ret_lines, which the caller frees with texts_free(), says what is
 * wrong, a sentence each; without any it is sound. A database that is damaged is saved at the next start. -1:
 * it cannot be told. Any thread. */
int call_store_check(const char *dir, char ***ret_lines, struct error *err);

#endif
