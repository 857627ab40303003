/* Whatever stands in a registry's file, an entry is put between what was there, or nowhere. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/registry_entry.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY "  greet:\n    configuration:\n      programing_language: \"python\"\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *before = xstrndup((const char *)data, size);
    cleanup_free char *after = registry_entry_insert(before, ENTRY);
    if (!after)
        return 0;
    size_t same = 0, length = strlen(before), rest = 0;
    while (same < length && before[same] == after[same])
        same++;
    while (rest < length - same && before[length - 1 - rest] == after[strlen(after) - 1 - rest])
        rest++;
    if (same + rest < length || !strstr(after, "greet:"))
        abort();
    return 0;
}
