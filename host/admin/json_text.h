/* Text of any origin in the management API's JSON. */
#ifndef ADMIN_JSON_TEXT_H
#define ADMIN_JSON_TEXT_H

#include <jansson.h>

/* A JSON string; what is not UTF-8 in it becomes '?'. NULL gives null. The caller owns it. */
json_t *json_text(const char *text);

#endif
