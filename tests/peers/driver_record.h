/* What gateway_driver says of a request that has ended. */
#ifndef DRIVER_RECORD_H
#define DRIVER_RECORD_H

#include "gateway/request_record.h"

#include <jansson.h>

/* All that the record has; phases in microseconds from its beginning. The caller gives it back. */
json_t *driver_record_json(const struct request_record *record);

#endif
