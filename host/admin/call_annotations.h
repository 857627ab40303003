/* What annotations of a deployment say of calls that are done later, and of those by the clock. */
#ifndef ADMIN_CALL_ANNOTATIONS_H
#define ADMIN_CALL_ANNOTATIONS_H

#include "base/error.h"

#include <jansson.h>

/* Adds what they mean to the configuration of a function. `annotations` are an object of texts, or NULL.
 * "bad-call": a number or a duration is none; schedules and statuses are looked at with the rest of the
 * configuration. */
int call_annotations_read(const json_t *annotations, json_t *configuration, struct error *err);

#endif
