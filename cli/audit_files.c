#include "cli/audit_walls.h"

#include "cli/fact.h"
#include "cli/members.h"
#include "cli/quantity.h"

#include <stdbool.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define QUANTITY_SIZE   32

/* What a mount holds, in words. */
static const struct {
    const char *holds, *words;
} contents[] = {
    {"code", "its code"},
    {"dependencies", "what is installed for it"},
    {"secrets", "its secrets that are files, in memory"},
    {"environment", "its secrets that are variables, in memory"},
    {"link", "its own way to the daemon: a socket and the pipes of its output"},
    {"init", "the first process, which is Berth's"},
    {"users", "the names of its user"},
};

static const char *words_of(const char *holds)
{
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        if (strcmp(contents[i].holds, holds) == 0)
            return contents[i].words;
    }
    return holds;
}

static void print_mount(const char *label, const json_t *mount)
{
    const char *volume = member_text(mount, "volume"), *holds = member_text(mount, "holds");
    if (*volume)
        fact_print(label, "%s: the volume %s, %s", member_text(mount, "at"), volume,
                   member_text(mount, "source"));
    else if (strcmp(holds, "volume") == 0)
        fact_print(label, "%s: the folder of this host %s", member_text(mount, "at"),
                   member_text(mount, "source"));
    else
        fact_print(label, "%s: %s", member_text(mount, "at"), words_of(holds));
}

static void print_mounts(const char *label, const json_t *container, bool read_only)
{
    size_t count = 0, i;
    const json_t *mount;
    json_array_foreach(json_object_get(container, "mounts"), i, mount)
    {
        if (member_is_true(mount, "read_only") == read_only)
            print_mount(count++ > 0 ? "" : label, mount);
    }
}

static void print_folders(const json_t *container)
{
    char size[QUANTITY_SIZE];
    const json_t *folder;
    size_t i;
    json_array_foreach(json_object_get(container, "in_memory"), i, folder)
    {
        quantity_of_bytes((unsigned long long)member_number(folder, "size_bytes"), size, sizeof(size));
        fact_print("", "%s: up to %s in memory, gone with the instance", member_text(folder, "at"), size);
    }
    quantity_of_bytes((unsigned long long)member_number(container, "shm_bytes"), size, sizeof(size));
    fact_print("", "/dev/shm: up to %s in memory, gone with the instance", size);
}

bool audit_writes_volumes(const json_t *container)
{
    const json_t *mount;
    size_t i;
    json_array_foreach(json_object_get(container, "mounts"), i, mount)
    {
        if (!member_is_true(mount, "read_only"))
            return true;
    }
    return false;
}

static bool has_dependencies(const json_t *container)
{
    const json_t *mount;
    size_t i;
    json_array_foreach(json_object_get(container, "mounts"), i, mount)
    {
        if (strcmp(member_text(mount, "holds"), "dependencies") == 0)
            return true;
    }
    return false;
}

void audit_print_files(const json_t *audit)
{
    const json_t *container = json_object_get(audit, "container");
    bool is_closed = member_is_true(container, "root_read_only");
    fact_part("Files");
    fact_print("reads", "the image %s, which is its root file system%s", member_text(container, "image"),
               is_closed ? " and cannot be written" : "");
    print_mounts("", container, true);
    if (has_dependencies(json_object_get(audit, "prewarmed")))
        fact_print("", "an instance that was started before it was known has all installed dependencies "
                       "mounted, can list none, and is told the name of its own");
    if (!is_closed)
        fact_print("writes",
                   "the whole image, on this host's disk and without a limit, until the instance goes");
    else if (!audit_writes_volumes(container))
        fact_print("writes", "nothing on this host's disk");
    print_mounts(is_closed ? "writes" : "", container, false);
    print_folders(container);
}
