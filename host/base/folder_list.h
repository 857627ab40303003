/* Folders by their absolute paths, to ask whether others are among them or below. */
#ifndef BASE_FOLDER_LIST_H
#define BASE_FOLDER_LIST_H

#include <stdbool.h>
#include <stddef.h>

/* Paths without symbolic links, ".", ".." and a slash at the end. */
struct folder_list {
    char **items;
    size_t count;
};

/* Appends a copy. */
void folder_list_add(struct folder_list *list, const char *folder);

/* Makes `list` a copy of another, in place of what it was. */
void folder_list_copy(struct folder_list *list, const struct folder_list *from);
void folder_list_clear(struct folder_list *list);

/* True when `path`, spelt as they are, is one of them or below one. */
bool folder_list_has(const struct folder_list *list, const char *path);

/* True when `path`, spelt as they are, is one of them. */
bool folder_list_holds(const struct folder_list *list, const char *path);

#endif
