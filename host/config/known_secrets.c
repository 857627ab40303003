#include "config/known_secrets.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_NAME_MAX 200

bool secret_name_is_valid(const char *name)
{
    size_t length = 0;
    while (isascii(name[length]) &&
           (isalnum((unsigned char)name[length]) || (name[length] && strchr("-._", name[length]))))
        length++;
    return length > 0 && !name[length] && length <= SECRET_NAME_MAX && name[0] != '.' && !strstr(name, "..");
}

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
