/* What another daemon says when one takes the other's place; the first byte is how many descriptors came with
 * it. */
#include "takeover/message.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct takeover_message message;
    struct error err;
    if (size == 0)
        return 0;
    size_t fd_count = data[0] % (WIRE_FDS_MAX + 1);
    if (takeover_message_read((const char *)data + 1, size - 1, fd_count, &message, &err) < 0) {
        if (err.code != ERROR_TAKEOVER_MESSAGE)
            abort();
        return 0;
    }
    if (message.kind >= TAKEOVER_KINDS || (message.kind == TAKEOVER_REQUEST && message.note_digits % 2 != 0))
        abort();
    for (size_t i = 0; message.kind == TAKEOVER_YOURS && i < fd_count; i++) {
        if (message.names[i][0] == '\0')
            abort();
    }
    takeover_message_clear(&message);
    return 0;
}
