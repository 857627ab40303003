/*
 * A client's connection on its way from a daemon to the one that takes its place: nothing of it is under way,
 * but part of a request, or a whole one, may have come.
 */
#ifndef GATEWAY_PASSED_CLIENT_H
#define GATEWAY_PASSED_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct passed_client {
    int fd; /* owned */
    uint64_t instance; /* whose door it came in by; 0: none's */
    bool is_management; /* it came in by the management port, and asks for a function once */
    bool is_checked; /* as in its entrance */
    size_t size; /* of what has been received and not been answered */
    char *bytes; /* owned; NULL: nothing */
};

/* With its bytes copied. The caller frees it. */
struct passed_client *passed_client_create(int fd, const char *bytes, size_t size);

/* Closes the connection, unless `fd` is -1. NULL is fine. */
void passed_client_free(struct passed_client *passed);

#endif
