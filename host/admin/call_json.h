/* Async calls as the management API has them. */
#ifndef ADMIN_CALL_JSON_H
#define ADMIN_CALL_JSON_H

#include "store/call_callbacks.h"
#include "store/call_store.h"

#include <jansson.h>

/* The state of that name. -1: none has it. */
int call_state_find(const char *name, enum call_state *ret_state);

/* What a list says of one. The caller owns it, like the next ones. */
json_t *call_json(const struct call_record *record);

/* The same and what else is known of it, without its attempts and its callback. Of headers, what may be a
 * credential is "(hidden)". */
json_t *call_details_json(const struct call_record *record);

/* What is known of its callback; null without one, NULL. */
json_t *callback_json(const struct callback_record *record);

#endif
