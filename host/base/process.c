#include "base/process.h"

#include "base/cleanup.h"

#include <string.h>

#define LINE_SIZE 1024

/* Fields behind the name, which is in parentheses and may hold anything. */
#define STATE_FIELD 1
#define FLAGS_FIELD 7
#define BEGAN_FIELD 20

#define EXITING     0x4u /* a flag: the kernel's PF_EXITING */

/* Where a field begins in what the kernel says of a process, in `line`. NULL: it says nothing. */
static const char *find_field(pid_t process, int field, char line[LINE_SIZE])
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    cleanup_file FILE *file = process > 0 ? fopen(path, "re") : NULL;
    if (!file || !fgets(line, LINE_SIZE, file))
        return NULL;
    const char *at = strrchr(line, ')');
    for (int i = 0; at && i < field; i++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at;
}

uint64_t process_began(pid_t process)
{
    char line[LINE_SIZE];
    const char *at = find_field(process, BEGAN_FIELD, line);
    return at ? strtoull(at, NULL, 10) : 0;
}

bool process_is_ending(pid_t process)
{
    char line[LINE_SIZE];
    const char *state = find_field(process, STATE_FIELD, line);
    if (!state)
        return false;
    if (*state == 'Z' || *state == 'X')
        return true;
    const char *flags = find_field(process, FLAGS_FIELD, line);
    return flags && (strtoul(flags, NULL, 10) & EXITING);
}
