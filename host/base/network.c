#include "base/network.h"

#include "base/alloc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPPED_BITS 96 /* of ::ffff:0:0, before an IPv4 address */

static const uint8_t mapped_prefix[MAPPED_BITS / 8] = {[10] = 0xff, [11] = 0xff};

bool ip_address_is_ipv4(const struct ip_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static void map(const void *narrow, struct ip_address *ret_address)
{
    memcpy(ret_address->bytes, mapped_prefix, sizeof(mapped_prefix));
    memcpy(ret_address->bytes + sizeof(mapped_prefix), narrow, sizeof(struct in_addr));
}

/* *ret_narrow: it is written as one of IPv4. */
static bool parse_address(const char *text, size_t length, struct ip_address *ret_address, bool *ret_narrow)
{
    char copy[INET6_ADDRSTRLEN];
    struct in_addr narrow;
    struct in6_addr wide;
    if (length == 0 || length >= sizeof(copy) || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *ret_narrow = inet_pton(AF_INET, copy, &narrow) == 1;
    if (*ret_narrow)
        map(&narrow, ret_address);
    else if (inet_pton(AF_INET6, copy, &wide) == 1)
        memcpy(ret_address->bytes, &wide, sizeof(wide));
    else
        return false;
    return true;
}

bool ip_address_parse(const char *text, size_t length, struct ip_address *ret_address)
{
    bool narrow;
    return parse_address(text, length, ret_address, &narrow);
}

bool ip_address_from_socket(const struct sockaddr_storage *socket_address, struct ip_address *ret_address)
{
    if (socket_address->ss_family == AF_INET)
        map(&((const struct sockaddr_in *)socket_address)->sin_addr, ret_address);
    else if (socket_address->ss_family == AF_INET6)
        memcpy(ret_address->bytes, &((const struct sockaddr_in6 *)socket_address)->sin6_addr,
               sizeof(ret_address->bytes));
    else
        return false;
    return true;
}

size_t ip_address_format(const struct ip_address *address, char ret_text[INET6_ADDRSTRLEN])
{
    if (ip_address_is_ipv4(address))
        inet_ntop(AF_INET, address->bytes + sizeof(mapped_prefix), ret_text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address->bytes, ret_text, INET6_ADDRSTRLEN);
    return strlen(ret_text);
}

bool ip_address_is_loopback(const struct ip_address *address)
{
    static const struct ip_address wide = {.bytes = {[15] = 1}};
    if (ip_address_is_ipv4(address))
        return address->bytes[sizeof(mapped_prefix)] == IN_LOOPBACKNET;
    return memcmp(address->bytes, wide.bytes, sizeof(wide.bytes)) == 0;
}

/* Clears the bits behind the network's; true when one of them was set. */
static bool clear_rest(struct network *network)
{
    bool any = false;
    for (unsigned i = network->bits / 8; i < sizeof(network->address.bytes); i++) {
        uint8_t rest = i == network->bits / 8u ? (uint8_t)(0xff >> network->bits % 8) : 0xff;
        any = any || (network->address.bytes[i] & rest);
        network->address.bytes[i] &= (uint8_t)~rest;
    }
    return any;
}

/* Digits only, at most `max`. */
static bool parse_bits(const char *text, size_t length, unsigned max, unsigned *ret_bits)
{
    unsigned bits = 0;
    if (length == 0 || length > 3)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(text[i] - '0');
    }
    *ret_bits = bits;
    return bits <= max;
}

enum network_parsed network_parse(const char *text, size_t length, struct network *ret_network)
{
    const char *slash = memchr(text, '/', length);
    size_t address_length = slash ? (size_t)(slash - text) : length;
    struct network network;
    bool narrow;
    if (!parse_address(text, address_length, &network.address, &narrow))
        return NETWORK_MALFORMED;
    unsigned most = narrow ? 32 : 128, bits = most;
    if (slash && !parse_bits(slash + 1, length - address_length - 1, most, &bits))
        return NETWORK_MALFORMED;
    network.bits = (uint8_t)(narrow ? bits + MAPPED_BITS : bits);
    bool inexact = clear_rest(&network);
    *ret_network = network;
    return inexact ? NETWORK_INEXACT : NETWORK_PARSED;
}

void network_format(const struct network *network, char ret_text[NETWORK_TEXT_MAX])
{
    char address[INET6_ADDRSTRLEN];
    bool narrow = network->bits >= MAPPED_BITS && ip_address_is_ipv4(&network->address);
    ip_address_format(&network->address, address);
    snprintf(ret_text, NETWORK_TEXT_MAX, "%s/%u", address, network->bits - (narrow ? MAPPED_BITS : 0u));
}

static bool has(const struct network *network, const struct ip_address *address)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (network->bits < MAPPED_BITS && ip_address_is_ipv4(address))
        return false;
    if (memcmp(network->address.bytes, address->bytes, whole) != 0)
        return false;
    return rest == 0 || (network->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

void network_list_add(struct network_list *list, const struct network *network)
{
    list->items = xgrow(list->items, list->count, sizeof(*list->items));
    list->items[list->count++] = *network;
}

void network_list_clear(struct network_list *list)
{
    free(list->items);
    *list = (struct network_list){0};
}

bool network_list_has(const struct network_list *list, const struct ip_address *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (has(&list->items[i], address))
            return true;
    }
    return false;
}

int address_split(const char *text, char **ret_host, const char **ret_port)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || colon == text || *end || end == colon + 1 || port > 65535)
        return -1;
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    *ret_host =
        bracketed ? xstrndup(text + 1, (size_t)(colon - text) - 2) : xstrndup(text, (size_t)(colon - text));
    *ret_port = colon + 1;
    return 0;
}
