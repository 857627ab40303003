/* A time that is read can be written, and read again as the same. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    char written[RFC3339_SIZE];
    uint64_t time_ms, again_ms;
    if (rfc3339_read(text, &time_ms) < 0)
        return 0;
    rfc3339_write(time_ms, written);
    if (time_ms < UINT64_C(253402300800000) && (rfc3339_read(written, &again_ms) < 0 || again_ms != time_ms))
        abort();
    return 0;
}
