/* Text that may hold any bytes, made fit for JSON and for people. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* How many bytes the well-formed sequence at the beginning of `text` has; 0: none begins there. At most
 * `size` bytes are looked at. */
size_t utf8_sequence(const char *text, size_t size);

/* Replaces every byte of `text` that is not part of a well-formed UTF-8 sequence (RFC 3629) by '?', in place:
 * output in another encoding, or a character that was cut in the middle. */
void utf8_repair(char *text);

#endif
