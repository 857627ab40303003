/* What an exchange leaves behind: its record. */
#ifndef GATEWAY_EXCHANGE_RECORD_H
#define GATEWAY_EXCHANGE_RECORD_H

#include "gateway/exchange.h"
#include "gateway/request_record.h"

/* Puts the record of an exchange that has come to its end, and still has all that it held, into the worker's
 * ring, or counts that there was no room. */
void exchange_record(const struct exchange *exchange, enum request_end end);

#endif
