/* Members of the API's JSON, as what they are: a missing one, or one of another type, is "" or 0. */
#ifndef CLI_MEMBERS_H
#define CLI_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>

static inline const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static inline long long member_number(const json_t *object, const char *name)
{
    return (long long)json_number_value(json_object_get(object, name));
}

static inline bool member_is_true(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* Prints the whole as JSON, indented. */
static inline void print_json(const json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    putchar('\n');
}

#endif
