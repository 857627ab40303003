/* Sockets in the directory that an instance has of its own. */
#ifndef FLEET_LINK_UNIX_SOCKET_H
#define FLEET_LINK_UNIX_SOCKET_H

#include "base/error.h"

/* Makes one that does not listen yet; whoever may enter the directory may connect, whatever user the
 * container runs as. The caller owns *ret_fd, which is non-blocking. */
int unix_socket_bind(const char *path, int *ret_fd, struct error *err);

#endif
