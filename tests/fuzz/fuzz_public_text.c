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

/* The folder's name, but for an address whose host is called like its first part: "x://var/lib/berth/". */
static int names_folder(const char *shown)
{
    for (const char *at = shown; (at = strstr(at, "/var/lib/berth/")) != NULL; at++) {
        if (at - shown < 2 || at[-1] != '/' || at[-2] != ':')
            return 1;
    }
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
    if (strlen(shown) >= room || names_folder(shown))
        abort();
    free(text);
    free(shown);
    return 0;
}
