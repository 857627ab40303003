#include "docker/image_reference.h"

#include <stdbool.h>
#include <string.h>

/* What can be no part of a path: a registry has a dot, a port, or is localhost. */
static bool is_registry(const char *text, size_t length)
{
    static const char local[] = "localhost";
    return memchr(text, '.', length) || memchr(text, ':', length) ||
           (length == sizeof(local) - 1 && memcmp(text, local, length) == 0);
}

struct image_reference image_reference_read(const char *name)
{
    size_t length = strcspn(name, "@"), first = strcspn(name, "/");
    const char *last_slash = memrchr(name, '/', length);
    size_t from = last_slash ? (size_t)(last_slash - name) : 0;
    const char *colon = memchr(name + from, ':', length - from);
    const char *version = name[length] ? name + length + 1 : colon ? colon + 1 : "";
    return (struct image_reference){
        .registry_length = first < length && is_registry(name, first) ? first : 0,
        .name_length = colon ? (size_t)(colon - name) : length,
        .version = *version ? version : "latest",
    };
}
