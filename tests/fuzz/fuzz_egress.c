/* What a function may reach, on arbitrary bytes: what is read as an entry, or as a list, is written and read
 * again as the same. */
#include "config/egress.h"

#include <stdlib.h>
#include <string.h>

static void check_entry(const char *text, size_t size)
{
    struct egress_entry entry, again;
    if (egress_entry_parse(text, size, &entry) != EGRESS_FINE)
        return;
    char *written = egress_entry_text(&entry);
    if (egress_entry_parse(written, strlen(written), &again) != EGRESS_FINE || entry.port != again.port ||
        !entry.name != !again.name || (entry.name && strcmp(entry.name, again.name) != 0) ||
        memcmp(&entry.network, &again.network, sizeof(entry.network)) != 0)
        abort();
    egress_entry_clear(&again);
    egress_entry_clear(&entry);
    free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egress egress, again;
    char *text = malloc(size + 1);
    if (!text)
        abort();
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_entry(text, size);
    if (egress_parse(text, &egress)) {
        char *written = egress_text(&egress);
        if (!egress_parse(written, &again) || again.count != egress.count)
            abort();
        egress_has_name(&egress, text);
        egress_clear(&again);
        free(written);
    } else if (!egress.is_limited || egress.count > 0) {
        abort();
    }
    egress_clear(&egress);
    free(text);
    return 0;
}
