/* What `berth load` is to do, from its command line. */
#ifndef CLI_LOAD_LOAD_PLAN_H
#define CLI_LOAD_LOAD_PLAN_H

#include "cli/command.h"

#include <stdint.h>
#include <sys/socket.h>

struct load_plan {
    const char *function; /* of the arguments, like the next */
    const char *method;
    char *url; /* as people write it */
    struct sockaddr_storage address;
    socklen_t address_length;
    char *request; /* the bytes of one: they are all the same */
    size_t request_bytes;
    bool is_head; /* its answers have no body */
    unsigned connections;
    double rate; /* requests a second begin, whatever becomes of them (an open loop); 0: as fast as it goes */
    uint64_t duration_ms;
    uint64_t timeout_ms; /* from when a request has begun */
};

/* Asks the daemon where its functions are, and whether this one can be called. `enum status`; what is wrong
 * is said. The caller clears *ret_plan, whatever comes of it. */
int load_plan_read(const struct arguments *arguments, struct load_plan *ret_plan);
void load_plan_clear(struct load_plan *plan);

#endif
