#include "base/cgroup.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 16384
#define FOLDER     "/sys/fs/cgroup"

/* Whether `name` is among the controllers, which commas part. */
static bool has_controller(const char *controllers, size_t length, const char *name)
{
    size_t own = strlen(name);
    for (const char *end = controllers + length; controllers < end;) {
        const char *comma = memchr(controllers, ',', (size_t)(end - controllers));
        size_t word = (size_t)((comma ? comma : end) - controllers);
        if (word == own && memcmp(controllers, name, own) == 0)
            return true;
        controllers += word + 1;
    }
    return false;
}

/* The group's folder for a controller of version 1, or with "" that of version 2; NULL: there is none. Lines
 * are "ID:CONTROLLERS:PATH". The caller frees it. */
static char *find_group(const char *groups, const char *folder, const char *controller)
{
    for (const char *line = groups; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        const char *end = line + strcspn(line, "\n");
        const char *controllers = memchr(line, ':', (size_t)(end - line));
        const char *path = controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers - 1)) : NULL;
        if (!path)
            continue;
        size_t length = (size_t)(path - controllers - 1);
        if (*controller ? has_controller(controllers + 1, length, controller) : length == 0)
            return xasprintf("%s/%s%.*s", folder, controller, (int)(end - path - 1), path + 1);
    }
    return NULL;
}

/* The number that a file of a group holds, or with `key` that which stands behind it on a line of its own. */
static int read_number(const char *group, const char *file, const char *key, uint64_t *ret_number)
{
    struct error err;
    cleanup_free char *path = xasprintf("%s/%s", group, file);
    cleanup_free char *text = NULL;
    if (fs_read_file(path, FILE_BYTES, &text, NULL, &err) < 0)
        return -1;
    size_t length = key ? strlen(key) : 0;
    const char *line = text;
    while (key && *line && !(strncmp(line, key, length) == 0 && line[length] == ' ')) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    char *end;
    *ret_number = strtoull(line + length, &end, 10);
    return *line && end != line + length ? 0 : -1;
}

static int read_memory(const char *group, const char *used_file, const char *idle_key, uint64_t *ret_bytes)
{
    uint64_t used, idle;
    if (read_number(group, used_file, NULL, &used) < 0 ||
        read_number(group, "memory.stat", idle_key, &idle) < 0)
        return -1;
    *ret_bytes = used > idle ? used - idle : 0;
    return 0;
}

static int read_unified(const char *group, struct cgroup_usage *ret_usage)
{
    uint64_t used_us;
    if (read_number(group, "cpu.stat", "usage_usec", &used_us) < 0)
        return -1;
    ret_usage->cpu_ns = used_us * 1000;
    return read_memory(group, "memory.current", "inactive_file", &ret_usage->memory_bytes);
}

int cgroup_usage_read(const char *groups, const char *folder, struct cgroup_usage *ret_usage)
{
    cleanup_free char *cpu = find_group(groups, folder, "cpuacct");
    cleanup_free char *memory = find_group(groups, folder, "memory");
    if (cpu && memory) {
        if (read_number(cpu, "cpuacct.usage", NULL, &ret_usage->cpu_ns) < 0)
            return -1;
        return read_memory(memory, "memory.usage_in_bytes", "total_inactive_file", &ret_usage->memory_bytes);
    }
    cleanup_free char *unified = find_group(groups, folder, "");
    return unified ? read_unified(unified, ret_usage) : -1;
}

int cgroup_usage_of_process(pid_t process, struct cgroup_usage *ret_usage)
{
    struct error err;
    cleanup_free char *path = xasprintf("/proc/%d/cgroup", (int)process);
    cleanup_free char *groups = NULL;
    if (fs_read_file(path, FILE_BYTES, &groups, NULL, &err) < 0)
        return -1;
    return cgroup_usage_read(groups, FOLDER, ret_usage);
}
