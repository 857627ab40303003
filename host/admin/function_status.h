/* A function as the management API shows it. */
#ifndef ADMIN_FUNCTION_STATUS_H
#define ADMIN_FUNCTION_STATUS_H

#include "fleet/function.h"

#include <jansson.h>
#include <stdint.h>

/* One FunctionStatus object, with a member `berth` that says more: state, revision, load, instances, what is
 * wrong, the last instance that was lost, and the autoscaler's last decisions, newest first. `invocations`:
 * requests that have ended; `now_ms` is clock_ms(). The caller owns it. */
json_t *function_status_json(struct function *function, uint64_t invocations, uint64_t now_ms);

#endif
