/* Whatever stands in a segment of a log, lines are read from it until its end, and each can be written again.
 */
#include "store/log_line.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char form[LOG_LINE_MAX];
    const char *bytes = (const char *)data;
    struct log_line line, again;
    for (long read; size > 0 && (read = log_line_read(bytes, size, &line)) > 0;
         bytes += read, size -= (size_t)read) {
        size_t written = log_line_write(&line, form);
        if (written != (size_t)read || log_line_read(form, written, &again) != read ||
            again.text.size != line.text.size)
            abort();
    }
    return 0;
}
