#include "fleet/engine/container_grants.h"

#include "fleet/engine/world.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define NANO_CPUS       1e9

static const json_t *host_of(const json_t *request)
{
    return json_object_get(request, "HostConfig");
}

static json_t *or_null(const json_t *value)
{
    return value ? json_incref((json_t *)value) : json_null();
}

static bool list_has(const json_t *list, const char *text)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (strcmp(json_string_value(item), text) == 0)
            return true;
    }
    return false;
}

static bool list_has_prefix(const json_t *list, const char *prefix)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (strncmp(json_string_value(item), prefix, strlen(prefix)) == 0)
            return true;
    }
    return false;
}

/* --- what its processes may do --- */

static json_t *capabilities_of(const json_t *host)
{
    const json_t *added = json_object_get(host, "CapAdd");
    if (!list_has(json_object_get(host, "CapDrop"), "ALL"))
        return json_null();
    return added ? or_null(added) : json_array();
}

static void add_rights(const json_t *request, json_t *grants)
{
    const json_t *host = host_of(request), *security = json_object_get(host, "SecurityOpt");
    const char *users = json_string_value(json_object_get(host, "UsernsMode"));
    json_object_set_new(grants, "user", or_null(json_object_get(request, "User")));
    json_object_set_new(grants, "capabilities", capabilities_of(host));
    json_object_set_new(grants, "may_gain_privileges",
                        json_boolean(!list_has(security, "no-new-privileges:true")));
    json_object_set_new(grants, "seccomp",
                        json_string(list_has_prefix(security, "seccomp=") ? "own" : "engine"));
    json_object_set_new(grants, "runtime", or_null(json_object_get(host, "Runtime")));
    json_object_set_new(grants, "users_are_hosts", json_boolean(users && strcmp(users, "host") == 0));
    json_object_set_new(grants, "network", or_null(json_object_get(host, "NetworkMode")));
}

/* --- files --- */

/* What is at a place, by its beginning. */
static const struct {
    const char *at, *holds;
} places[] = {
    {WORLD_RUN, "link"},
    {WORLD_DEPENDENCIES, "dependencies"},
    {WORLD_CODE, "code"},
    {WORLD_INIT, "init"},
    {"/etc/passwd", "users"},
    {"/etc/group", "users"},
    {WORLD_SECRETS, "secrets"},
    {WORLD_SECRETS_TOO, "secrets"},
    {WORLD_ENVIRONMENT, "environment"},
};

static const char *holds_what(const char *at)
{
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        size_t length = strlen(places[i].at);
        if (strncmp(at, places[i].at, length) == 0 && (at[length] == '\0' || at[length] == '/'))
            return places[i].holds;
    }
    return "volume";
}

static json_t *mounts_of(const json_t *host)
{
    json_t *mounts = json_array();
    const json_t *mount;
    size_t i;
    json_array_foreach(json_object_get(host, "Mounts"), i, mount)
    {
        json_t *at = json_object_get(mount, "Target");
        json_array_append_new(mounts, json_pack("{s:O, s:s, s:O, s:O}", "at", at, "holds",
                                                holds_what(json_string_value(at)), "source",
                                                json_object_get(mount, "Source"), "read_only",
                                                json_object_get(mount, "ReadOnly")));
    }
    return mounts;
}

static json_t *size_of(const char *options)
{
    static const char size[] = ",size=";
    const char *text = strstr(options, size);
    return text ? json_integer((json_int_t)strtoll(text + strlen(size), NULL, 10)) : json_null();
}

static json_t *in_memory_of(const json_t *host)
{
    json_t *folders = json_array(), *options;
    const char *at;
    json_object_foreach(json_object_get(host, "Tmpfs"), at, options)
    {
        json_array_append_new(
            folders, json_pack("{s:s, s:o}", "at", at, "size_bytes", size_of(json_string_value(options))));
    }
    return folders;
}

/* --- limits --- */

static json_t *swap_of(const json_t *host)
{
    const json_t *memory = json_object_get(host, "Memory"), *both = json_object_get(host, "MemorySwap");
    return memory && both ? json_integer(json_integer_value(both) - json_integer_value(memory)) : json_null();
}

static json_t *core_of(const json_t *host)
{
    const json_t *limit;
    size_t i;
    json_array_foreach(json_object_get(host, "Ulimits"), i, limit)
    {
        if (strcmp(json_string_value(json_object_get(limit, "Name")), "core") == 0)
            return or_null(json_object_get(limit, "Hard"));
    }
    return json_null();
}

static void add_limits(const json_t *host, json_t *grants)
{
    const json_t *cpus = json_object_get(host, "NanoCpus");
    json_object_set_new(grants, "memory_bytes", or_null(json_object_get(host, "Memory")));
    json_object_set_new(grants, "swap_bytes", swap_of(host));
    json_object_set_new(grants, "cpus",
                        cpus ? json_real((double)json_integer_value(cpus) / NANO_CPUS) : json_null());
    json_object_set_new(grants, "pids", or_null(json_object_get(host, "PidsLimit")));
    json_object_set_new(grants, "shm_bytes", or_null(json_object_get(host, "ShmSize")));
    json_object_set_new(grants, "core_bytes", core_of(host));
    json_object_set_new(grants, "oom_score_adj", or_null(json_object_get(host, "OomScoreAdj")));
}

/* --- the rest --- */

static json_t *variables_of(const json_t *request)
{
    json_t *names = json_array();
    const json_t *variable;
    size_t i;
    json_array_foreach(json_object_get(request, "Env"), i, variable)
    {
        const char *text = json_string_value(variable);
        json_array_append_new(names, json_stringn(text, strcspn(text, "=")));
    }
    return names;
}

/* What is read above, and what says how a container begins and ends and what it is called. */
static const char *const known[] = {
    "Image",       "Entrypoint",  "Cmd",         "Env",        "WorkingDir",     "User",        "StopSignal",
    "StopTimeout", "Labels",      "Healthcheck", "HostConfig", "Memory",         "MemorySwap",  "NanoCpus",
    "PidsLimit",   "Mounts",      "Tmpfs",       "LogConfig",  "ReadonlyRootfs", "Ulimits",     "CapDrop",
    "CapAdd",      "OomScoreAdj", "Runtime",     "UsernsMode", "SecurityOpt",    "NetworkMode", "ShmSize",
    "Init",        "AutoRemove",  "Dns",         "DnsSearch",
};

static void add_others(const json_t *object, json_t *others)
{
    const char *member;
    json_t *value;
    json_object_foreach((json_t *)object, member, value)
    {
        size_t i = 0;
        while (i < COUNT_OF(known) && strcmp(known[i], member) != 0)
            i++;
        if (i == COUNT_OF(known))
            json_array_append_new(others, json_string(member));
    }
}

static json_t *others_of(const json_t *request)
{
    json_t *others = json_array();
    add_others(request, others);
    add_others(host_of(request), others);
    return others;
}

json_t *container_grants(const json_t *request)
{
    if (!request)
        return NULL;
    const json_t *host = host_of(request);
    json_t *grants = json_object();
    json_object_set_new(grants, "image", or_null(json_object_get(request, "Image")));
    add_rights(request, grants);
    json_object_set_new(grants, "root_read_only", or_null(json_object_get(host, "ReadonlyRootfs")));
    json_object_set_new(grants, "mounts", mounts_of(host));
    json_object_set_new(grants, "in_memory", in_memory_of(host));
    add_limits(host, grants);
    json_object_set_new(grants, "environment", variables_of(request));
    json_object_set_new(grants, "engine_log",
                        or_null(json_object_get(json_object_get(host, "LogConfig"), "Type")));
    json_object_set_new(grants, "others", others_of(request));
    return grants;
}
