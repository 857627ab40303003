/*
 * Ids of calls: who knows one may ask for the result, so 80 bits of them cannot be guessed. They begin with
 * the time, so that ids of the same moment are neighbours in the index and an acceptance touches no page of
 * it of its own.
 */
#ifndef STORE_CALL_ID_H
#define STORE_CALL_ID_H

#include "store/call_store.h"

/* Makes one up. Any thread. */
void call_id_make(uint64_t now_ms, char ret_id[CALL_ID_DIGITS + 1]);

#endif
