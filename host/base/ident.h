/* Random identifiers. */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include <stddef.h>

/* Writes `digits` random lower-case hexadecimal digits and a NUL to `ret_text` (digits + 1 bytes). */
void ident_random(char *ret_text, size_t digits);

#endif
