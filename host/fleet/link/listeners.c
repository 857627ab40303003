#include "fleet/link/listeners.h"

#include "fleet/engine/init/door.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_LISTEN 0x0a
#define LINE_SIZE    512
#define HEX          "0123456789ABCDEF"

/* An address as the table has it: 32-bit words in the order of this machine. */
static bool read_address(const char *text, struct in6_addr *ret_address, int *ret_family)
{
    size_t digits = strspn(text, HEX);
    uint32_t words[4] = {0};
    if (text[digits] != ':' || (digits != 8 && digits != 32))
        return false;
    for (size_t i = 0; i < digits / 8; i++) {
        char word[9] = {0};
        memcpy(word, text + 8 * i, 8);
        words[i] = (uint32_t)strtoul(word, NULL, 16);
    }
    memcpy(ret_address, words, sizeof(words));
    *ret_family = digits == 8 ? AF_INET : AF_INET6;
    return true;
}

static bool is_any(const struct in6_addr *address)
{
    static const struct in6_addr any;
    return memcmp(address, &any, sizeof(any)) == 0;
}

/* Docker answers names there, in every container of a network of its own. */
static bool is_resolver(const struct in6_addr *address, int family)
{
    return family == AF_INET && address->s6_addr32[0] == htonl(0x7f00000b);
}

/* Our own, by which the function calls others. */
static bool is_door(const struct in6_addr *address, int family, unsigned port)
{
    return family == AF_INET && address->s6_addr32[0] == htonl(INADDR_LOOPBACK) && port == DOOR_PORT;
}

/* "port 80" when it listens on all addresses, else "127.0.0.1:80". */
static void describe(const struct in6_addr *address, int family, unsigned port, char *text, size_t size)
{
    char name[INET6_ADDRSTRLEN];
    if (is_any(address) || !inet_ntop(family, address, name, sizeof(name)))
        snprintf(text, size, "port %u", port);
    else
        snprintf(text, size, family == AF_INET ? "%s:%u" : "[%s]:%u", name, port);
}

/* Adds it behind a comma; not what is there already, nor what there is no room for. */
static void add(const char *entry, char *text, size_t size)
{
    size_t used = strlen(text), length = strlen(entry);
    if (used + length + 3 > size || strstr(text, entry))
        return;
    snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", entry);
}

/* A line is "NUMBER: ADDRESS:PORT ADDRESS:PORT STATE ...". */
static void read_line(char *line, char *text, size_t size)
{
    char *rest, entry[64];
    strtok_r(line, " ", &rest);
    const char *local = strtok_r(NULL, " ", &rest);
    const char *remote = local ? strtok_r(NULL, " ", &rest) : NULL;
    const char *state = remote ? strtok_r(NULL, " ", &rest) : NULL;
    struct in6_addr address;
    int family;
    if (!state || strtoul(state, NULL, 16) != STATE_LISTEN || !read_address(local, &address, &family) ||
        is_resolver(&address, family))
        return;
    unsigned port = (unsigned)strtoul(strchr(local, ':') + 1, NULL, 16);
    if (is_door(&address, family, port))
        return;
    describe(&address, family, port, entry, sizeof(entry));
    add(entry, text, size);
}

bool listeners_of_process(pid_t process, char *text, size_t size)
{
    static const char *const names[] = {"tcp", "tcp6"};
    *text = '\0';
    for (size_t i = 0; process > 0 && i < 2; i++) {
        char path[64], line[LINE_SIZE];
        snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)process, names[i]);
        FILE *table = fopen(path, "re");
        while (table && fgets(line, sizeof(line), table))
            read_line(line, text, size);
        if (table)
            fclose(table);
    }
    return *text != '\0';
}
