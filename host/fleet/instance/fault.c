#include "fleet/instance/fault.h"

#include <stddef.h>
#include <string.h>

static bool is_among(const char *reason, const char *const *reasons)
{
    for (; *reasons; reasons++) {
        if (strcmp(reason, *reasons) == 0)
            return true;
    }
    return false;
}

bool fault_is_own(const char *component, const char *reason)
{
    static const char *const refused[] = {"docker-request", NULL};
    static const char *const suffered[] = {"container-killed", "container-gone", "instance-removed", NULL};
    if (strcmp(component, "docker") == 0)
        return is_among(reason, refused);
    return !is_among(reason, suffered);
}

bool fault_is_engine_trouble(const char *component, const char *reason)
{
    static const char *const passing[] = {"docker-unreachable", "docker-timeout", "docker-error", NULL};
    return strcmp(component, "docker") == 0 && is_among(reason, passing);
}
