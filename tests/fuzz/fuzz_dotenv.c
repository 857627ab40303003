/* Files of environment variables: an entry or a problem each time, until the end, which comes. */
#include "config/dotenv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dotenv file;
    struct dotenv_entry entry;
    size_t entries = 0;
    dotenv_init(&file, (const char *)data, size);
    while (dotenv_next(&file, &entry)) {
        if (!entry.problem != (entry.name && entry.value) || entry.at.line == 0 || ++entries > size)
            abort();
        free(entry.name);
        free(entry.value);
    }
    return 0;
}
