#include "config/known_secrets.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *name, const void *item)
{
    return strcmp(name, ((const struct known_secret *)item)->name);
}

const struct known_secret *known_secrets_find(const struct known_secrets *secrets, const char *name)
{
    return secrets->count > 0
               ? bsearch(name, secrets->items, secrets->count, sizeof(*secrets->items), compare)
               : NULL;
}
