/*
 * What the log says of a request after its end: a line for whatever went wrong, at level info, so that the id
 * that a user was shown is always found, and one for the request itself, at level debug. Control thread.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "gateway/request_record.h"

void access_log_write(const struct request_record *record);

#endif
