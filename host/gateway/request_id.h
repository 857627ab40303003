/* The id of a request: the client's own X-Request-Id when it is harmless, else a new one. */
#ifndef GATEWAY_REQUEST_ID_H
#define GATEWAY_REQUEST_ID_H

#include "http/text.h"

#include <stdint.h>

#define REQUEST_ID_MAX  128
#define REQUEST_ID_MADE 32

/* True for 1 to REQUEST_ID_MAX letters, digits and any of "-_.:+/=@~". */
bool request_id_is_sane(struct http_text text);

/* Writes REQUEST_ID_MADE hexadecimal digits, without a NUL. */
void request_id_make(char *ret_text, uint64_t high, uint64_t low);

#endif
