/* Keeps passwords out of what is logged and shown. */
#ifndef BASE_REDACT_H
#define BASE_REDACT_H

/* Puts stars in the place of what stands before the "@" of every URL in the text
 * ("https://user:password@host/"), in place: a user alone may be a token. */
void redact_urls(char *text);

#endif
