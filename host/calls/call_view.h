/* A call as JSON, for who asks for it by its id. Pure. */
#ifndef CALLS_CALL_VIEW_H
#define CALLS_CALL_VIEW_H

#include "store/call_callbacks.h"
#include "store/call_store.h"

#include <jansson.h>

/* "waiting" and so on; static. */
const char *call_state_name(enum call_state state);
const char *callback_state_name(enum callback_state state);

/* A time as RFC 3339, and the status of an answer; null of 0. */
json_t *call_view_time(uint64_t time_ms);
json_t *call_view_status(int status);

/* Header lines as an object: {"Name": "value"}, with a list for a name that stands several times. */
json_t *call_view_headers(const char *lines);

/* All that the public port tells; docs/async.md has the members. The callback is of zeros where there is
 * none, or none yet. The caller owns the result. */
json_t *call_view_public(const struct call_record *record, const struct callback_record *callback);

#endif
