/* How deep calls are in chains in which the end of each calls the next. As the rest of the store. */
#ifndef STORE_CALL_CHAINS_H
#define STORE_CALL_CHAINS_H

#include "store/call_store.h"

/* A call that was put is the next one behind so many. */
int call_chains_put(struct call_store *store, int64_t number, unsigned depth, struct error *err);

/* 0: no call's end has called it. */
int call_chains_find(struct call_store *store, int64_t number, unsigned *ret_depth, struct error *err);

#endif
