/* Whether what the store has of calls is whole. */
#ifndef STORE_CALL_CHECK_H
#define STORE_CALL_CHECK_H

#include "store/call_store.h"

/* Reads all of the database, which takes some seconds for a million of calls: *ret_lines, which the caller
 * frees with texts_free(), says what is wrong, a sentence each; without any it is sound. -1: it cannot be
 * told. */
int call_store_check(struct call_store *store, char ***ret_lines, struct error *err);

#endif
