#include "base/roff.h"

#include <stdio.h>

/* roff takes "-" for a hyphen, and a "." or "'" at the beginning of a line for a request. */
void roff_print(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

void roff_print_line(const char *text)
{
    roff_print(text);
    putchar('\n');
}
