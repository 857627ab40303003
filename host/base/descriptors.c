#include "base/descriptors.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_PASSED 3 /* sd_listen_fds(3) */
#define PASSED_MAX   1024

struct descriptor {
    char *name;
    int fd;
};

struct descriptors {
    struct descriptor *items;
    size_t count;
};

struct descriptors *descriptors_create(void)
{
    return xcalloc(1, sizeof(struct descriptors));
}

void descriptors_destroy(struct descriptors *descriptors)
{
    if (!descriptors)
        return;
    for (size_t i = 0; i < descriptors->count; i++) {
        close(descriptors->items[i].fd);
        free(descriptors->items[i].name);
    }
    free(descriptors->items);
    free(descriptors);
}

void descriptors_add(struct descriptors *descriptors, const char *name, int fd)
{
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    descriptors->items = xgrow(descriptors->items, descriptors->count, sizeof(descriptors->items[0]));
    descriptors->items[descriptors->count++] = (struct descriptor){xstrdup(name), fd};
}

/* 0: it is no such number. */
static unsigned long number_in(const char *variable)
{
    const char *text = getenv(variable);
    char *end = NULL;
    unsigned long number = text ? strtoul(text, &end, 10) : 0;
    return text && end != text && *end == '\0' ? number : 0;
}

void descriptors_add_from_manager(struct descriptors *descriptors)
{
    unsigned long count = number_in("LISTEN_PID") == (unsigned long)getpid() ? number_in("LISTEN_FDS") : 0;
    const char *names = getenv("LISTEN_FDNAMES");
    for (int i = 0; i < (int)(count < PASSED_MAX ? count : PASSED_MAX); i++) {
        size_t length = names ? strcspn(names, ":") : 0;
        char *name = xstrndup(names ? names : "", length);
        if (fcntl(FIRST_PASSED + i, F_GETFD) >= 0)
            descriptors_add(descriptors, name, FIRST_PASSED + i);
        free(name);
        if (names)
            names = names[length] == ':' ? names + length + 1 : NULL;
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

static int take_at(struct descriptors *descriptors, size_t at)
{
    int fd = descriptors->items[at].fd;
    free(descriptors->items[at].name);
    descriptors->count--;
    memmove(&descriptors->items[at], &descriptors->items[at + 1],
            (descriptors->count - at) * sizeof(descriptors->items[0]));
    return fd;
}

int descriptors_take(struct descriptors *descriptors, const char *name)
{
    for (size_t i = 0; descriptors && i < descriptors->count; i++) {
        if (strcmp(descriptors->items[i].name, name) == 0)
            return take_at(descriptors, i);
    }
    return -1;
}

static bool listens(int fd)
{
    int type = 0, listening = 0;
    socklen_t size = sizeof(int);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening;
}

static bool is_same_port(in_port_t port, in_port_t wanted, bool any)
{
    return port == wanted || (any && wanted == 0);
}

static bool is_same_address(const struct sockaddr_storage *bound, const struct sockaddr *wanted,
                            bool any_port)
{
    if (bound->ss_family != wanted->sa_family)
        return false;
    if (wanted->sa_family == AF_INET) {
        const struct sockaddr_in *has = (const void *)bound, *wants = (const void *)wanted;
        return has->sin_addr.s_addr == wants->sin_addr.s_addr &&
               is_same_port(has->sin_port, wants->sin_port, any_port);
    }
    if (wanted->sa_family == AF_INET6) {
        const struct sockaddr_in6 *has = (const void *)bound, *wants = (const void *)wanted;
        return memcmp(&has->sin6_addr, &wants->sin6_addr, sizeof(has->sin6_addr)) == 0 &&
               is_same_port(has->sin6_port, wants->sin6_port, any_port);
    }
    const struct sockaddr_un *has = (const void *)bound, *wants = (const void *)wanted;
    return wanted->sa_family == AF_UNIX && has->sun_path[0] != '\0' &&
           strcmp(has->sun_path, wants->sun_path) == 0;
}

int descriptors_take_listener(struct descriptors *descriptors, const char *name,
                              const struct sockaddr *address, socklen_t size)
{
    for (size_t i = 0; descriptors && i < descriptors->count; i++) {
        const struct descriptor *item = &descriptors->items[i];
        struct sockaddr_storage bound = {0};
        socklen_t bound_size = sizeof(bound) - 1;
        bool is_named = strcmp(item->name, name) == 0;
        bool is_foreign = strncmp(item->name, DESCRIPTOR_OWN_PREFIX, sizeof(DESCRIPTOR_OWN_PREFIX) - 1) != 0;
        if ((is_named || is_foreign) && listens(item->fd) &&
            getsockname(item->fd, (struct sockaddr *)&bound, &bound_size) == 0 && size <= sizeof(bound) &&
            is_same_address(&bound, address, is_named))
            return take_at(descriptors, i);
    }
    return -1;
}

void descriptors_each(const struct descriptors *descriptors, void (*see)(const char *name, int fd))
{
    for (size_t i = 0; i < descriptors->count; i++)
        see(descriptors->items[i].name, descriptors->items[i].fd);
}
