#include "docker/seccomp_profile.h"

#include <jansson.h>

/* The file as a whole, between two symbols. SECCOMP_PROFILE is its path in the tree. */
__asm__(".pushsection .rodata\n"
        "seccomp_profile_begin: .incbin \"" SECCOMP_PROFILE "\"\n"
        "seccomp_profile_end:\n"
        ".popsection\n");
extern const char seccomp_profile_begin[], seccomp_profile_end[];

const char *seccomp_profile(void)
{
    static char *text;
    if (!text) {
        json_t *json =
            json_loadb(seccomp_profile_begin, (size_t)(seccomp_profile_end - seccomp_profile_begin), 0, NULL);
        json_t *call;
        size_t i;
        json_array_foreach(json_object_get(json, "syscalls"), i, call) json_object_del(call, "comment");
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
    }
    return text;
}
