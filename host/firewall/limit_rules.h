/*
 * What those functions can reach whose setting `egress` limits it, as rules of the kernel: for each such list
 * a bridge of its own, from which nothing is let through but what the list has. A part of the table that
 * reach_rules.h makes. Pure; any thread.
 */
#ifndef FIREWALL_LIMIT_RULES_H
#define FIREWALL_LIMIT_RULES_H

#include "base/strbuf.h"
#include "config/egress.h"

#define LIMIT_ID_SIZE 13 /* 12 digits and a NUL */

/* Borrowed. */
struct limit_facts {
    const char *id; /* LIMIT_ID_SIZE; its chains and sets are called by it */
    const char *interface; /* the bridge's */
    const struct egress *egress;
    struct ip_address gateway; /* this host's address on the bridge */
    uint16_t names_port; /* who asks the gateway for a name is sent to that port of it, over UDP; 0: nobody
                            answers */
};

/* What all of them have in common, as text of rules. */
struct limit_surroundings {
    const char *refused; /* what no function can reach from the bridges of its engine, each rule a line */
    const char *others; /* the engine's other networks, the same */
    const char *const *published; /* matches the published ports, one by one */
    size_t published_count;
};

/* Appends its sets and chains. */
void limit_rules_write(const struct limit_facts *facts, const struct limit_surroundings *surroundings,
                       struct strbuf *out);

/* Appends the lines of the hooks: of who asks this host, who asks beyond it, and who asks for names. */
void limit_rules_write_input(const struct limit_facts *facts, struct strbuf *out);
void limit_rules_write_forward(const struct limit_facts *facts, struct strbuf *out);
void limit_rules_write_prerouting(const struct limit_facts *facts, struct strbuf *out);

/* Appends the commands that add an address to what the list's names stand for, for a while, or prolong that.
 * `name` is in lower case. */
void limit_rules_write_address(const char *table, const struct limit_facts *facts, const char *name,
                               const struct ip_address *address, unsigned seconds, struct strbuf *out);

#endif
