#include "base/ident.h"

#include <stdio.h>
#include <stdlib.h>
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
