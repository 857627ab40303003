/* Texts of any origin to and from JSON. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_TEXTS_MAX 1024

/* A JSON string; each byte that is not UTF-8 becomes '?'. NULL gives null. The caller owns it. */
json_t *json_text(const char *text);

/* The same of at most max_bytes; what is longer is cut. */
json_t *json_text_cut(const char *text, size_t max_bytes);

/* {"component", "reason", "message", "hint"}. The caller owns it. */
json_t *json_error(const struct error *err);

/* An array of strings as texts ended by NULL. NULL, JSON null and an empty array give an empty one. -1 when
 * it is anything else, or longer than JSON_TEXTS_MAX. ret_count may be NULL. The caller owns *ret_texts
 * (texts_free()). */
int json_texts_read(const json_t *array, char ***ret_texts, size_t *ret_count);

/* A string's copy; NULL for null, a missing member or another type. */
char *json_text_copy(const json_t *object, const char *member);

#endif
