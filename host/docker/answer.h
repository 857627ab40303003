/* Inside of the client: reading the engine's JSON. For the files of this folder only. */
#ifndef DOCKER_ANSWER_H
#define DOCKER_ANSWER_H

#include "docker/call.h"

/* The collected body as JSON of the given type, or NULL and "docker-answer". The caller drops the reference.
 */
json_t *answer_parse(const struct docker_call *call, json_type type, struct error *err);

/* Members of an object: "", 0, false, NULL when there is none of that type. */
const char *answer_text(const json_t *object, const char *key);
int64_t answer_integer(const json_t *object, const char *key);
bool answer_boolean(const json_t *object, const char *key);

/* A member as labels: NULL unless it is an object. */
const struct docker_labels *answer_labels(const json_t *object, const char *key);

/* Name/value pairs as an object; NULL when one is not UTF-8. */
json_t *answer_from_pairs(const struct docker_pair *pairs, size_t count);

/* finish() of calls that answer an object with an id: reports the text of member `key`. */
void answer_report_id(struct docker_call *call, const struct error *err, const char *key);

#endif
