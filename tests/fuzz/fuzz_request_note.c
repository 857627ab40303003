/* Whatever is kept in a request's place, its texts are texts. */
#include "admin/request_note.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request_note note;
    if (request_note_read(data, size, &note) < 0)
        return 0;
    for (size_t i = 0; i < NOTE_TEXTS; i++) {
        const char *end = note.texts[i] + strlen(note.texts[i]);
        if (end >= (const char *)data + size)
            abort();
    }
    (void)request_note_is_failed(&note);
    return 0;
}
