#include "base/json.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

/* Frees `text`. */
static json_t *repaired_text(char *text)
{
    cleanup_free char *repaired = text;
    utf8_repair(repaired);
    return json_string(repaired);
}

json_t *json_text(const char *text)
{
    return text ? repaired_text(xstrdup(text)) : json_null();
}

json_t *json_text_cut(const char *text, size_t max_bytes)
{
    return text ? repaired_text(xstrndup(text, max_bytes)) : json_null();
}

json_t *json_error(const struct error *err)
{
    return json_pack("{s:s, s:s, s:o, s:o}", "component", error_component_name(err->component), "reason",
                     error_code_slug(err->code), "message", json_text(err->message), "hint",
                     json_text(err->hint));
}

int json_texts_read(const json_t *array, char ***ret_texts, size_t *ret_count)
{
    size_t count = json_array_size(array); /* 0 for what is no array */
    if ((array && !json_is_null(array) && !json_is_array(array)) || count > JSON_TEXTS_MAX)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (!json_is_string(json_array_get(array, i)))
            return -1;
    }
    char **texts = xcalloc(count + 1, sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = xstrdup(json_string_value(json_array_get(array, i)));
    *ret_texts = texts;
    if (ret_count)
        *ret_count = count;
    return 0;
}

char *json_text_copy(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? xstrdup(text) : NULL;
}
