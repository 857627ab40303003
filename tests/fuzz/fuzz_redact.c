/* Text with URLs in it: nothing before an "@" is left of any, once is enough, and only user names change. */
#include "base/redact.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Whether an authority begins with anything but stars before its last "@". */
static int has_user(const char *text)
{
    for (const char *at = text; (at = strstr(at, "://"));) {
        at += 3;
        size_t length = strcspn(at, " \t\r\n\f\v/?#");
        const char *end = memrchr(at, '@', length);
        if (end && strspn(at, "*") != (size_t)(end - at))
            return 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    if (size > 0)
        memcpy(text, data, size);
    size_t before = strlen(text);
    redact_urls(text);
    char *again = strdup(text);
    redact_urls(again);
    if (strlen(text) > before || has_user(text) || strcmp(again, text) != 0)
        abort();
    free(again);
    free(text);
    return 0;
}
