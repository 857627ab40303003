#include "build/job/text_json.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

#include <string.h>

#define TEXT_MAX 65536

json_t *text_json(const char *text)
{
    if (!text)
        return json_null();
    size_t size = strnlen(text, TEXT_MAX);
    json_t *json = json_stringn(text, size);
    if (json)
        return json;
    cleanup_free char *ascii = xstrndup(text, size);
    for (char *p = ascii; *p; p++) {
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    }
    return json_string(ascii);
}

json_t *text_json_array(const char *const *texts)
{
    if (!texts)
        return json_null();
    json_t *array = json_array();
    for (; *texts; texts++)
        json_array_append_new(array, text_json(*texts));
    return array;
}

json_t *error_json(const struct error *err)
{
    json_t *json = json_object();
    json_object_set_new(json, "component", json_string(err->component));
    json_object_set_new(json, "reason", json_string(err->reason));
    json_object_set_new(json, "message", text_json(err->message));
    json_object_set_new(json, "hint", text_json(err->hint));
    return json;
}
