/* What is read is within the value, hexadecimal, and not all zeros. */
#include "http/traceparent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1); /* no larger, so that a byte behind it is noticed */
    struct http_text trace = HTTP_TEXT("");
    if (!copy)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    if (traceparent_read(http_text_make(copy, size), &trace) &&
        (trace.length != TRACE_ID_DIGITS || trace.data < copy || trace.data + trace.length > copy + size ||
         strspn(trace.data, "0") >= TRACE_ID_DIGITS ||
         strspn(trace.data, "0123456789abcdef") != TRACE_ID_DIGITS))
        abort();
    free(copy);
    return 0;
}
