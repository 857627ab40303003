#include "base/ident.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void ident_random(char *ret_text, size_t digits)
{
    static const char alphabet[] = "0123456789abcdef";
    unsigned char bytes[64];
    for (size_t i = 0; i < digits; i++) {
        if (i % sizeof(bytes) == 0 && getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
            perror("getrandom");
            abort();
        }
        ret_text[i] = alphabet[bytes[i % sizeof(bytes)] & 15];
    }
    ret_text[digits] = '\0';
}

bool ident_is_name(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > IDENT_NAME_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool inner = i > 0 && i + 1 < length && (text[i] == '-' || text[i] == '_');
        if (!inner && !(isascii(text[i]) && isalnum((unsigned char)text[i])))
            return false;
    }
    return true;
}
