#include "config/package_list.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 128 /* bytes */
#define TEXT_MAX (64u << 10) /* of as many as a setting may have */

static const char name_begin[] = "abcdefghijklmnopqrstuvwxyz0123456789";
static const char name_rest[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
static const char version_any[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+~:-";

/* A "-" at the end of a name would have the package removed. */
bool package_list_is_word(const char *text)
{
    size_t length = strspn(text, name_rest);
    if (length < 2 || strlen(text) > WORD_MAX || !strchr(name_begin, text[0]) || text[length - 1] == '-')
        return false;
    if (text[length] == '\0')
        return true;
    const char *version = text + length + 1;
    return text[length] == '=' && *version && version[strspn(version, version_any)] == '\0';
}

bool package_list_add(struct package_list *list, const char *text, struct position at)
{
    size_t place = 0;
    while (place < list->count && strcmp(list->items[place].text, text) < 0)
        place++;
    if (place < list->count && strcmp(list->items[place].text, text) == 0)
        return false;
    list->items = xgrow(list->items, list->count, sizeof(*list->items));
    memmove(&list->items[place + 1], &list->items[place], (list->count - place) * sizeof(*list->items));
    list->items[place] = (struct package_word){xstrdup(text), at};
    list->count++;
    return true;
}

const struct package_word *package_list_find(const struct package_list *list, const char *text)
{
    size_t length = strcspn(text, "=");
    for (size_t i = 0; i < list->count; i++) {
        const char *other = list->items[i].text;
        if (strcspn(other, "=") == length && strncmp(other, text, length) == 0)
            return &list->items[i];
    }
    return NULL;
}

char *package_list_text(const struct package_list *list)
{
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    strbuf_append_text(&text, "");
    for (size_t i = 0; i < list->count; i++)
        strbuf_append_format(&text, "%s%s", i > 0 ? " " : "", list->items[i].text);
    return strbuf_steal(&text);
}

void package_list_clear(struct package_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i].text);
    free(list->items);
    *list = (struct package_list){0};
}
