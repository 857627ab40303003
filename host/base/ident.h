/* Identifiers: random ones, and names that people choose. */
#ifndef BASE_IDENT_H
#define BASE_IDENT_H

#include <stdbool.h>
#include <stddef.h>

/* Writes `digits` random lower-case hexadecimal digits and a NUL to `ret_text` (digits + 1 bytes). */
void ident_random(char *ret_text, size_t digits);

#define IDENT_NAME_MAX 63

/* Whether it is letters, digits, "-" and "_", at most IDENT_NAME_MAX, with a letter or digit at both ends: so
 * it can be a part of a path, of a URL and of a command line. */
bool ident_is_name(const char *text);

#endif
