#include "base/own_address.h"

#include "base/cleanup.h"

#include <string.h>
#include <sys/socket.h>

#define ANY_PORT 9 /* nothing is sent there */

static socklen_t to_socket(const struct ip_address *address, struct sockaddr_storage *ret_address)
{
    if (ip_address_is_ipv4(address)) {
        struct sockaddr_in *narrow = (struct sockaddr_in *)ret_address;
        *narrow = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(ANY_PORT)};
        memcpy(&narrow->sin_addr, address->bytes + sizeof(address->bytes) - sizeof(narrow->sin_addr),
               sizeof(narrow->sin_addr));
        return sizeof(*narrow);
    }
    struct sockaddr_in6 *wide = (struct sockaddr_in6 *)ret_address;
    *wide = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(ANY_PORT)};
    memcpy(&wide->sin6_addr, address->bytes, sizeof(address->bytes));
    return sizeof(*wide);
}

/* A machine sends to an address of its own from that same address. */
bool own_address_is(const struct ip_address *address)
{
    struct sockaddr_storage to = {0}, from = {0};
    struct ip_address source;
    socklen_t size = to_socket(address, &to), from_size = sizeof(from);
    cleanup_close int fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&from, &from_size) < 0)
        return false;
    return ip_address_from_socket(&from, &source) && memcmp(&source, address, sizeof(source)) == 0;
}
