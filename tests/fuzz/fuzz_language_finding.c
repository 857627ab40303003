/* A line of a language's check: what is found in it is a part of it, and clean once it is cleaned. */
#include "language.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finding finding;
    char *line = malloc(size + 1);
    memcpy(line, data, size);
    line[size] = '\0';
    size_t length = strlen(line);
    if (finding_parse(line, &finding)) {
        if (finding.message < line || finding.message > line + length ||
            (finding.file && finding.file != line) || (finding.column > 0 && finding.line == 0))
            abort();
    } else if (strlen(line) != length) {
        abort();
    }
    text_clean(line);
    if (!text_is_clean(line))
        abort();
    free(line);
    return 0;
}
