#include "base/folder_list.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <string.h>

void folder_list_add(struct folder_list *list, const char *folder)
{
    list->items = xgrow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = xstrdup(folder);
}

void folder_list_copy(struct folder_list *list, const struct folder_list *from)
{
    folder_list_clear(list);
    for (size_t i = 0; i < from->count; i++)
        folder_list_add(list, from->items[i]);
}

void folder_list_clear(struct folder_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct folder_list){0};
}

bool folder_list_has(const struct folder_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (fs_is_within(path, list->items[i]))
            return true;
    }
    return false;
}

bool folder_list_holds(const struct folder_list *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(path, list->items[i]) == 0)
            return true;
    }
    return false;
}
