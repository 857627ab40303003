#include "prepare/job/plugin_text.h"

#include "base/json.h"

#define TEXT_MAX 65536

json_t *plugin_text(const char *text)
{
    return json_text_cut(text, TEXT_MAX);
}

json_t *plugin_texts(const char *const *texts)
{
    if (!texts)
        return json_null();
    json_t *array = json_array();
    for (; *texts; texts++)
        json_array_append_new(array, plugin_text(*texts));
    return array;
}
