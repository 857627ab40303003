/*
 * Answers functions that ask for names: for those that their list (`egress`) has, by what the name servers of
 * this host say, and for all others that there is no such name. An address is let through before it is told,
 * and for as long as the name has it; one that the name does not have any more for a while longer. One gate
 * for each list, over UDP. Control thread.
 */
#ifndef FIREWALL_NAME_GATE_H
#define FIREWALL_NAME_GATE_H

#include "base/error.h"
#include "firewall/limit_rules.h"

struct event_base;
struct firewall;
struct name_gate;
struct resolver;

/* Borrowed for as long as it lives. */
struct name_gate_options {
    struct event_base *base;
    struct firewall *firewall;
    struct resolver *resolver;
    const char *table; /* its name */
    const struct limit_facts *facts; /* it listens at the gateway */
};

int name_gate_open(const struct name_gate_options *options, struct name_gate **ret_gate, struct error *err);

/* NULL is fine. */
void name_gate_close(struct name_gate *gate);

uint16_t name_gate_port(const struct name_gate *gate);

/* Appends the commands that let through all that it lets through now. */
void name_gate_fill(const struct name_gate *gate, struct strbuf *out);

#endif
