#include "base/unix_socket.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

int unix_socket_address(const char *path, enum error_component component, struct sockaddr_un *ret_address,
                        struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        error_set_in(err, component, ERROR_PATH_TOO_LONG,
                     "the socket path %s is longer than the %zu bytes a unix socket may have", path,
                     sizeof(address.sun_path) - 1);
        return error_hint(err, "give a shorter --run-dir");
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    *ret_address = address;
    return 0;
}

int unix_socket_bind(const char *path, mode_t mode, enum error_component component, int *ret_fd,
                     struct error *err)
{
    struct sockaddr_un address;
    if (unix_socket_address(path, component, &address, err) < 0)
        return -1;
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, component, errno, "cannot make a socket");
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || chmod(path, mode) < 0)
        return error_errno(err, component, errno, "cannot make the socket %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

int unix_socket_listen(const char *path, enum error_component component, int *ret_fd, struct error *err)
{
    cleanup_close int fd = -1;
    unlink(path);
    if (unix_socket_bind(path, 0600, component, &fd, err) < 0)
        return -1;
    if (listen(fd, BACKLOG) < 0)
        return error_errno(err, component, errno, "cannot listen at %s", path);
    *ret_fd = steal_fd(&fd);
    return 0;
}

int unix_socket_hold(const char *path, enum error_component component, char **ret_name, int *ret_fd,
                     struct error *err)
{
    cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, component, errno, "cannot find the socket %s", path);
    cleanup_free char *name = xasprintf("/proc/self/fd/%d", fd);
    *ret_name = access(name, F_OK) == 0 ? steal(&name) : xstrdup(path);
    *ret_fd = steal_fd(&fd);
    return 0;
}
