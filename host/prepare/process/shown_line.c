#include "prepare/process/shown_line.h"

#include "base/alloc.h"
#include "base/redact.h"

#include <string.h>

#define ESCAPE '\x1b'

/* Behind the sequence that begins at the escape character `at`: "ESC [ parameters letter", a title "ESC ] ...
 * BEL", or one more character. */
static const char *sequence_end(const char *at)
{
    if (at[1] == '[') {
        at += 2;
        at += strspn(at, "0123456789;:<=>? !\"#$%&'()*+,-./");
        return *at ? at + 1 : at;
    }
    if (at[1] == ']') {
        at += strcspn(at, "\a");
        return *at ? at + 1 : at;
    }
    return at[1] ? at + 2 : at + 1;
}

static void remove_sequences(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        if (*from == ESCAPE)
            from = sequence_end(from);
        else
            *to++ = *from++;
    }
    *to = '\0';
}

char *shown_line(const char *text, size_t length)
{
    char *shown = xstrndup(text, length);
    remove_sequences(shown);
    length = strlen(shown);
    while (length > 0 && shown[length - 1] == '\r')
        shown[--length] = '\0';
    const char *redrawn = strrchr(shown, '\r');
    if (redrawn)
        memmove(shown, redrawn + 1, strlen(redrawn + 1) + 1);
    redact_urls(shown);
    return shown;
}
