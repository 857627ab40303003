#include "prepare/store/former_values.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct former_values *values, struct former_value *value)
{
    TAILQ_REMOVE(values, value, link);
    free(value->name);
    free(value->bytes);
    free(value);
}

/* Those of a secret beyond the newest `keep`. */
static void forget_beyond(struct former_values *values, const char *name, unsigned keep)
{
    unsigned seen = 0;
    for (struct former_value *value = TAILQ_FIRST(values), *next; value; value = next) {
        next = TAILQ_NEXT(value, link);
        if ((!name || strcmp(value->name, name) == 0) && ++seen > keep)
            forget(values, value);
    }
}

void former_values_add(struct former_values *values, const char *name, const char *digest,
                       unsigned char *bytes, size_t size)
{
    struct former_value *value = xcalloc(1, sizeof(*value));
    value->name = xstrdup(name);
    snprintf(value->digest, sizeof(value->digest), "%s", digest);
    value->bytes = bytes;
    value->size = size;
    TAILQ_INSERT_HEAD(values, value, link);
    forget_beyond(values, name, FORMER_VALUES_MAX);
}

const struct former_value *former_values_find(const struct former_values *values, const char *name,
                                              const char *digest)
{
    const struct former_value *value;
    TAILQ_FOREACH(value, values, link)
    {
        if (strcmp(value->name, name) == 0 && strcmp(value->digest, digest) == 0)
            return value;
    }
    return NULL;
}

void former_values_forget(struct former_values *values, const char *name)
{
    forget_beyond(values, name, 0);
}
