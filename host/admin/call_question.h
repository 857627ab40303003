/* Calls of the API that are answered from the store of async calls, which its own thread alone may use. */
#ifndef ADMIN_CALL_QUESTION_H
#define ADMIN_CALL_QUESTION_H

#include "admin/admin_call.h"

struct call_store;
struct calls;

/* What is to be done; `context` is handed to each. */
struct call_job {
    /* On the calls thread, within a transaction. -1: the store refuses. *ret_durable: something was changed.
     */
    int (*work)(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                struct error *err);
    /* On the control thread, once that is on disk. */
    void (*answer)(struct admin_call *call, void *context);
    void (*free)(void *context); /* on the control thread */
};

/* Has it done, and answers then; at once, with the reason, when there is no store. `job` outlives it; the
 * context is freed by it. */
void admin_call_ask(struct admin_call *call, const struct call_job *job, void *context);

#endif
