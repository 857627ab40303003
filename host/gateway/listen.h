/* Listening sockets for ADDRESS:PORT. */
#ifndef GATEWAY_LISTEN_H
#define GATEWAY_LISTEN_H

#include "base/error.h"

#define LISTEN_ADDRESS_MAX 64

/* Binds `count` listening sockets with SO_REUSEPORT to "127.0.0.1:8080", "[::]:8080" or "name:8080", after
 * making sure that nobody else has the port. Port 0 takes a free one, the same for all. The caller owns
 * ret_fds; ret_address is the address as bound. */
int listen_open(const char *address, unsigned count, int *ret_fds, char ret_address[LISTEN_ADDRESS_MAX],
                struct error *err);

/* Sets what the connections of a listening socket inherit. */
void listen_tune(int fd);

#endif
