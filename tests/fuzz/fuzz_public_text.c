/* Error texts on their way to strangers: they never name a hidden folder, and never outgrow their room. */
#include "base/public_text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(const int *argc, char ***argv)
{
    (void)argc, (void)argv;
    public_text_hide("/var/lib/berth", "state_dir");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = size > 0 ? 1 + data[0] : 1;
    char *shown = malloc(room);
    char *text = calloc(1, size + 1);
    if (size > 0)
        memcpy(text, data, size);
    public_text(text, shown, room);
    if (strlen(shown) >= room || strstr(shown, "/var/lib/berth/"))
        abort();
    free(text);
    free(shown);
    return 0;
}
