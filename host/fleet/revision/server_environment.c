#include "fleet/revision/server_environment.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define OWN_VARIABLES 2

static bool has_name(char *const *variables, const char *entry)
{
    size_t length = strcspn(entry, "=") + 1;
    for (; *variables; variables++) {
        if (strncmp(*variables, entry, length) == 0)
            return true;
    }
    return false;
}

/* Takes the entry over. */
static void add(char **variables, size_t *count, char *entry)
{
    if (has_name(variables, entry))
        free(entry);
    else
        variables[(*count)++] = entry;
}

char **server_environment_make(const struct function_settings *settings, const struct prepared *prepared)
{
    const struct build_launch *launch = prepared->launch;
    size_t launched = 0, count = 0;
    while (launch->environment[launched])
        launched++;
    char **variables =
        xcalloc(settings->environment_count + launched + OWN_VARIABLES + 1, sizeof(*variables));
    for (size_t i = 0; i < settings->environment_count; i++)
        add(variables, &count,
            xasprintf("%s=%s", settings->environment[i].name, settings->environment[i].value));
    for (size_t i = 0; i < launched; i++)
        add(variables, &count, xstrdup(launch->environment[i]));
    add(variables, &count, xasprintf("PORT=%u", (unsigned)launch->port));
    add(variables, &count, xasprintf("OPENFAAS_NAME=%s", settings->name));
    return variables;
}
