/*
 * What containers can reach that install dependencies, beside what functions can: the mirrors and proxies
 * that this host names to them, which may be its own. Rules of the table that reach_rules.h has. Pure; any
 * thread.
 */
#ifndef FIREWALL_BUILDER_RULES_H
#define FIREWALL_BUILDER_RULES_H

#include "base/network.h"
#include "base/strbuf.h"

#include <stddef.h>

/* A port, over TCP, that builders may reach wherever it is. */
struct builder_mirror {
    struct ip_address address;
    unsigned port;
};

/* Borrowed. */
struct builder_facts {
    const char *interface; /* of the builders' network; NULL: there is none */
    const struct builder_mirror *mirrors;
    size_t mirror_count;
};

/* Appends the chain of such rules. */
void builder_rules_write(const struct builder_facts *facts, struct strbuf *out);

/* Appends the line of a chain of what comes from containers that leads there; what it does not accept goes on
 * behind that line. */
void builder_rules_write_jump(const struct builder_facts *facts, struct strbuf *out);

#endif
