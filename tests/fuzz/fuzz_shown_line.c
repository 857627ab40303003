/* A line of output: what is shown of it has no escape, no carriage return, and is no longer than it was. */
#include "prepare/process/cause_line.h"
#include "prepare/process/shown_line.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *shown = shown_line((const char *)data, size);
    if (strlen(shown) > size || strpbrk(shown, "\x1b\r"))
        abort();
    struct cause_line cause = {0};
    cause_line_add(&cause, shown);
    const char *text = cause_line_text(&cause);
    if (text && (strlen(text) >= CAUSE_LINE_BYTES || !strstr(shown, text)))
        abort();
    free(shown);
    return 0;
}
