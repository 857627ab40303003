/*
 * What the log says of a request after its end: a line for whatever went wrong, so that the id that a user
 * was shown is always found, one when it was slow, and one for the request itself, which is at level debug
 * unless the setting access_log wants it. Control thread.
 */
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include "config/registry.h"
#include "gateway/request_record.h"

void access_log_write(const struct request_record *record, const struct host_settings *settings);

#endif
