/* Packages of the distribution that a function asks for, and where it does. */
#ifndef CONFIG_PACKAGE_LIST_H
#define CONFIG_PACKAGE_LIST_H

#include "config/reporter.h"

#include <stdbool.h>
#include <stddef.h>

struct package_word {
    char *text; /* NAME or NAME=VERSION */
    struct position at; /* line 0: nowhere */
};

/* Sorted by their texts. Zero-initialised is empty. */
struct package_list {
    struct package_word *items;
    size_t count;
};

/* Whether apt-get install takes this for one package, in one way only. */
bool package_list_is_word(const char *text);

/* Puts a copy at its place. False: it is there already. */
bool package_list_add(struct package_list *list, const char *text, struct position at);

/* One whose name, without a version, is that of `text`; or NULL. */
const struct package_word *package_list_find(const struct package_list *list, const char *text);

/* All of them with blanks between them. The caller frees it. */
char *package_list_text(const struct package_list *list);

void package_list_clear(struct package_list *list);

#endif
