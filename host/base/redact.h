/* Keeps passwords out of what is logged and shown. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

/* Puts stars in the place of what stands before the "@" of every URL in the text
 * ("https://user:password@host/"), in place: a user alone may be a token. */
void redact_urls(char *text);

/* The "@" that ends user and password, for a text that begins behind the "://" of a URL; NULL when there is
 * none. A password is taken to go as far as it may, and may have characters that should have been encoded. */
const char *redact_find_at(const char *authority);

#endif
