/*
 * Addresses and networks of IPv4 and IPv6, as users write them and as sockets have them. An IPv4 address is
 * kept as the IPv6 address that stands for it (::ffff:a.b.c.d), so that a client looks the same whichever
 * kind of listener it came by. No locks: plain data.
 */
#ifndef BASE_NETWORK_H
#define BASE_NETWORK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct ip_address {
    uint8_t bytes[16];
};

/* Reads "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1", without port or brackets. */
bool ip_address_parse(const char *text, size_t length, struct ip_address *ret_address);

/* The address of a socket's other end. False: it is none of IPv4 or IPv6. */
bool ip_address_from_socket(const struct sockaddr_storage *socket_address, struct ip_address *ret_address);

/* An IPv4 address as a.b.c.d. Returns the length. */
size_t ip_address_format(const struct ip_address *address, char ret_text[INET6_ADDRSTRLEN]);

bool ip_address_is_ipv4(const struct ip_address *address);

/* True for what never leaves this machine. */
bool ip_address_is_loopback(const struct ip_address *address);

/* Takes "ADDRESS:PORT" apart, where an IPv6 address may be in brackets. The caller frees *ret_host; *ret_port
 * is inside of `text`. -1: it is not of that form, or the port none. */
int address_split(const char *text, char **ret_host, const char **ret_port);

struct network {
    struct ip_address address; /* the bits behind the first `bits` are 0 */
    uint8_t bits; /* 0 to 128; of IPv4: 96 more than written */
};

#define NETWORK_TEXT_MAX (INET6_ADDRSTRLEN + 4)

enum network_parsed {
    NETWORK_PARSED,
    NETWORK_MALFORMED,
    NETWORK_INEXACT, /* "10.0.0.1/8": *ret_network is 10.0.0.0/8 */
};

/* Reads an address, which is a network of one, or "ADDRESS/BITS". */
enum network_parsed network_parse(const char *text, size_t length, struct network *ret_network);

/* As network_parse reads it. */
void network_format(const struct network *network, char ret_text[NETWORK_TEXT_MAX]);

struct network_list {
    struct network *items;
    size_t count;
};

/* Appends a copy. */
void network_list_add(struct network_list *list, const struct network *network);
void network_list_clear(struct network_list *list);

/* True when one of them has it. An IPv6 network holds IPv4 addresses only when it is one of IPv4: ::/0 has
 * none. */
bool network_list_has(const struct network_list *list, const struct ip_address *address);

#endif
