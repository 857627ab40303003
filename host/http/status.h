/* Reason phrases and dates: the texts of a response that never change. */
#ifndef HTTP_STATUS_H
#define HTTP_STATUS_H

#include "http/text.h"

#include <time.h>

/* The usual reason phrase of a status, "" when it has none. Static. */
struct http_text http_status_reason(int status);

#define HTTP_DATE_LENGTH 29

/* The time as in the Date header, e.g. "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL. */
void http_date_format(char ret_text[HTTP_DATE_LENGTH], time_t time);

#endif
