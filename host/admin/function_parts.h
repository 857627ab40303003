/* Parts of a function as JSON, which several paths of the management API show. The caller owns each. Control
 * thread. */
#ifndef ADMIN_FUNCTION_PARTS_H
#define ADMIN_FUNCTION_PARTS_H

#include "fleet/function.h"

#include <jansson.h>
#include <stdint.h>

struct replicas {
    unsigned total, ready, starting; /* instances; those that take requests; those that will */
    unsigned busy; /* slots under a request */
    uint64_t memory_limit_bytes; /* the sum of the instances' */
};

/* A list of its instances, of whichever revision, and what they come to. */
json_t *function_instances_json(struct function *function, struct replicas *ret_replicas, uint64_t now_ms);

/* What its instances use; of processors also what those have used that have gone. */
struct instance_resources function_resources(struct function *function);

/* The newest deployment's problem, else that of the revision that serves; NULL: none. */
const struct kept_error *function_newest_problem(struct function *function);

/* The same as JSON: null when there is none. */
json_t *function_problem_json(struct function *function);

/* The instance that was lost last; null: none was. */
json_t *function_failure_json(const struct function *function, uint64_t now_ms);

/* The autoscaler's last decisions, newest first. */
json_t *function_decisions_json(const struct function *function, uint64_t now_ms);

/* The libraries that it imports, what of them is loaded ahead of its cold starts, and in how many instances;
 * null: none, or it is not known. */
json_t *function_libraries_json(const struct function *function);

/* What is wrong in its files and in its entry of the registry, with places. */
json_t *function_diagnostics_json(const struct function *function);

#endif
