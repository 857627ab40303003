/* A function as /berth/functions shows it. Control thread. */
#ifndef ADMIN_FUNCTION_VIEW_H
#define ADMIN_FUNCTION_VIEW_H

#include "admin/request_counts.h"
#include "fleet/function.h"

#include <jansson.h>

/* What there is to say of it in a line: whether it can be called now and, if not, why; revisions, load, how
 * often it was called. The caller owns it. */
json_t *function_summary_json(struct function *function, const struct request_count *count, uint64_t now_ms);

/* The same, and all that is known beside: settings, findings, instances, the last loss, decisions. The caller
 * owns it. */
json_t *function_details_json(struct function *function, const struct request_count *count, uint64_t now_ms);

#endif
