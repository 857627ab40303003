/*
 * A request that is under way, as it is found after the daemon has been killed: a cell of a flight file for
 * each exchange from its dispatch to its end.
 */
#ifndef GATEWAY_IN_FLIGHT_H
#define GATEWAY_IN_FLIGHT_H

#include "gateway/request_record.h"
#include "store/flight_file.h"

/* What is known of it so far; of the texts all but those of an error. The part's own thread, as what follows.
 * NULL: there is no room, or `part` is NULL. */
struct flight_cell *in_flight_begin(struct flight_part *part, const struct request_times *times,
                                    uint16_t depth, const struct http_text texts[REQUEST_TEXTS]);

/* It has come to an instance. NULL is fine. */
void in_flight_reach(struct flight_cell *cell, uint64_t instance, uint64_t revision, uint64_t slot_ns,
                     uint64_t waited_ns);

/* Its record of its own follows. NULL is fine. */
void in_flight_end(struct flight_part *part, struct flight_cell *cell);

/* Makes the record of a request whose daemon has been killed: ERROR_DAEMON_ENDED. `now_ns` is that of this
 * process's monotonic clock. The caller frees it. NULL: the bytes are not what such a cell has. Any thread.
 */
struct request_record *in_flight_read(const void *bytes, size_t size, int64_t shift_ns, uint64_t now_ns);

#endif
