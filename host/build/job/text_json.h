/* Plugins' texts as JSON. */
#ifndef BUILD_JOB_TEXT_JSON_H
#define BUILD_JOB_TEXT_JSON_H

#include "base/error.h"

#include <jansson.h>

/* A JSON string; what is not UTF-8 has every byte outside ASCII replaced by '?'. NULL gives null. Texts
 * longer than 64 KiB are cut. */
json_t *text_json(const char *text);

/* An array of such strings from an array ended by NULL; NULL gives null. */
json_t *text_json_array(const char *const *texts);

/* {"component", "reason", "message", "hint"}. */
json_t *error_json(const struct error *err);

#endif
