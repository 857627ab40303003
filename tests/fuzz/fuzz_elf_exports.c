/* Shared objects: whatever the bytes, each name that is told ends within them. */
#include "plugin_test/elf_exports.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct told {
    const char *begin, *end;
};

static void on_export(void *context, const char *name)
{
    const struct told *told = context;
    if (name < told->begin || name + strlen(name) >= told->end)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told told = {(const char *)data, (const char *)data + size};
    elf_exports_each(data, size, on_export, &told);
    return 0;
}
