#include "base/process.h"

#include "base/cleanup.h"

#include <string.h>

#define LINE_SIZE   1024
#define BEGAN_FIELD 20 /* behind the name, which is in parentheses and may hold anything */

uint64_t process_began(pid_t process)
{
    char path[32], line[LINE_SIZE];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
    cleanup_file FILE *file = process > 0 ? fopen(path, "re") : NULL;
    if (!file || !fgets(line, sizeof(line), file))
        return 0;
    char *at = strrchr(line, ')');
    for (int field = 0; at && field < BEGAN_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}
