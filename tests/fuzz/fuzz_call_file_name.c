/* Whatever names files have beside the store of calls: one that is a body's is written in no other way. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "store/call_body.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct call_bodies bodies = {.dir = (char *)"."};
    cleanup_free char *name = xstrndup((const char *)data, size);
    char path[PATH_MAX];
    int64_t number;
    enum body_kind kind;
    if (!call_bodies_read_name(name, &number, &kind))
        return 0;
    call_bodies_path(&bodies, number, kind, path);
    if (number <= 0 || strcmp(path + 2, name) != 0)
        abort();
    return 0;
}
