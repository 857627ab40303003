/* Text that may hold any bytes, made fit for JSON and for people. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* Replaces every byte of `text` that is not part of a well-formed UTF-8 sequence (RFC 3629) by '?', in place:
 * output in another encoding, or a character that was cut in the middle. */
void utf8_repair(char *text);

#endif
