/* Sockets in directories of the daemon's own. Any thread. */
#ifndef BASE_UNIX_SOCKET_H
#define BASE_UNIX_SOCKET_H

#include "base/error.h"

#include <sys/stat.h>
#include <sys/un.h>

/* The address of a path. -1: it is too long for one. */
int unix_socket_address(const char *path, enum error_component component, struct sockaddr_un *ret_address,
                        struct error *err);

/* Makes one that does not listen yet; `mode` says who may connect. The caller owns *ret_fd, which is
 * non-blocking. */
int unix_socket_bind(const char *path, mode_t mode, enum error_component component, int *ret_fd,
                     struct error *err);

/* Makes one that listens, for the daemon's own user alone, in the place of one that an earlier daemon has
 * left. As above. */
int unix_socket_listen(const char *path, enum error_component component, int *ret_fd, struct error *err);

/* Another name of the socket at `path`, which leads to it whatever becomes of that, and for as long as
 * *ret_fd is open, within this process. Where there is no such name it is `path`. The caller frees it and
 * closes *ret_fd. */
int unix_socket_hold(const char *path, enum error_component component, char **ret_name, int *ret_fd,
                     struct error *err);

#endif
