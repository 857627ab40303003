/*
 * Calls that wait for the sources to be applied, for the fleet to come to rest, or for a function to be
 * deployed, before they are answered: of a reload, say. One whose client leaves is forgotten. Control thread.
 */
#ifndef ADMIN_ADMIN_WAITING_H
#define ADMIN_ADMIN_WAITING_H

#include "admin/admin_call.h"

struct function;

/* `parts` outlives it. */
struct admin_waiting *admin_waiting_create(const struct admin_options *parts);

/* Forgets the calls: after the end of their connections. NULL is fine. */
void admin_waiting_destroy(struct admin_waiting *waiting);

/* Has `answer` answer the call once the fleet is at rest, which may be within this. `call` itself is copied.
 */
void admin_call_wait(struct admin_call *call, void (*answer)(struct admin_call *call));

/* The same once the function has settled; the call's name is the function's then. */
void admin_call_wait_for_function(struct admin_call *call, const struct function *function,
                                  void (*answer)(struct admin_call *call));

/* Has `answer` answer the call once all that the sources say has been applied; the call's name is then that
 * of now. */
void admin_call_wait_for_sources(struct admin_call *call, void (*answer)(struct admin_call *call));

/* All that the sources say has been applied. */
void admin_waiting_end_sources(struct admin_waiting *waiting);

/* The fleet has come to rest. */
void admin_waiting_end(struct admin_waiting *waiting);

/* A function has settled. */
void admin_waiting_end_function(struct admin_waiting *waiting, const char *function);

/* The daemon stops: who waits is told so, and who would wait from here on too. */
void admin_waiting_stop(struct admin_waiting *waiting);

#endif
