#include "docker/seccomp_profile.h"

#include <jansson.h>

/* seccomp.json as a whole. */
static const char profile[] = {
#include "docker/seccomp_bytes.h"
};

const char *seccomp_profile(void)
{
    static char *text;
    if (!text) {
        json_t *json = json_loadb(profile, sizeof(profile), 0, NULL);
        json_t *call;
        size_t i;
        json_array_foreach(json_object_get(json, "syscalls"), i, call) json_object_del(call, "comment");
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
    }
    return text;
}
