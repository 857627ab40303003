/* Records of calls as the database has them. */
#ifndef STORE_CALL_FIND_H
#define STORE_CALL_FIND_H

#include "store/call_store_inside.h"

/* What a statement has to select, in this order, for call_record_read(): of calls and call_requests. */
#define CALL_COLUMNS_AND_(head, calls)                                                                       \
    " calls.number, id, function, state, due_ms, accepted_ms, since_ms, ended_ms, expires_ms, attempts,"     \
    " attempt_ms, run_ms, status, reason, message, body_size, body_place, result_size, result_place,"        \
    " result_cut, method, target, callback_url, client, request_id, schedule, scheduled_ms, origin, " head   \
    " FROM " calls " JOIN call_requests ON call_requests.number = calls.number "
#define CALL_COLUMNS          CALL_COLUMNS_AND_("head", "calls")
#define CALL_COLUMNS_BUT_HEAD CALL_COLUMNS_AND_("NULL", "calls")
/* The planner takes another index, which has those that wait for later as well. */
#define CALL_COLUMNS_OF_NEXT CALL_COLUMNS_AND_("head", "calls INDEXED BY calls_next")

/* The row as a record, without what is in the database of its bodies. -1: it cannot be one of ours. The
 * caller clears it. */
int call_record_read(const struct call_store *store, sqlite3_stmt *row, struct call_record *ret_record,
                     struct error *err);

#endif
