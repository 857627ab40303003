#include "fleet/link/unix_socket.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

int unix_socket_bind(const char *path, int *ret_fd, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set_in(err, COMPONENT_FLEET, ERROR_PATH_TOO_LONG,
                     "the socket path %s is longer than the %zu bytes a unix socket may have", path,
                     sizeof(address.sun_path) - 1);
        return error_hint(err, "give a shorter --run-dir");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot make a socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, 0666) < 0)
        return error_errno(err, COMPONENT_FLEET, errno, "cannot make the socket %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}
