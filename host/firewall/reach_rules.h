/*
 * What functions can reach, as rules of the kernel: one table of our own, in the words of nft(8), which is
 * made anew as a whole whenever anything of it changes. It sees every packet that comes from our networks
 * whatever the engine's own rules say, and what it refuses nobody else can let through. Pure; any thread.
 */
#ifndef FIREWALL_REACH_RULES_H
#define FIREWALL_REACH_RULES_H

#include "base/network.h"
#include "base/strbuf.h"
#include "firewall/builder_rules.h"
#include "firewall/limit_rules.h"

#include <stdbool.h>

/* The name of a daemon's table. */
#define REACH_TABLE_FORMAT "berth_%s"

/* A port of this host that the engine has given to a container of others. */
struct reach_published {
    bool is_udp;
    unsigned port;
    bool is_everywhere; /* else at `address` alone */
    struct ip_address address;
};

/* Borrowed. */
struct reach_facts {
    const char *owner; /* the daemon's id */
    const char *const *own; /* our networks' interfaces, those of `limits` too */
    size_t own_count;
    const char *const *others; /* the interfaces of the engine's other networks */
    size_t other_count;
    const struct network_list *nameservers; /* that containers ask */
    const struct reach_published *published;
    size_t published_count;
    struct builder_facts builders; /* whose interface is one of `own` */
    const struct limit_facts *limits; /* those of our networks from which less can be reached */
    size_t limit_count;
};

/* Whether a rule can name the interface: what it is made of stands for nothing else there. */
bool reach_interface_is_plain(const char *name);

/* Appends the commands. Every interface is plain. */
void reach_rules_write(const struct reach_facts *facts, struct strbuf *out);

#endif
