#include "firewall/limit_rules.h"

#include <stdio.h>
#include <string.h>

#define REFUSED "  reject with icmpx admin-prohibited\n"

/* How a packet's destination is written: as it is, or as it was before the engine has sent it to a container.
 */
struct destination {
    const char *chain; /* what is in front of the id in the chain's name */
    const char *address; /* in front of "ip" */
    const char *port;
};

static const struct destination now = {"allow", "", "th dport"};
static const struct destination before = {"allow_published", "ct original ", "ct original proto-dst"};

static const char *family_of(const struct ip_address *address)
{
    return ip_address_is_ipv4(address) ? "ip" : "ip6";
}

/* Whether a name's set is that of addresses or of addresses and ports. */
static bool has_entry(const struct egress *egress, bool with_port)
{
    for (size_t i = 0; i < egress->count; i++) {
        if (egress->items[i].name && (egress->items[i].port != 0) == with_port)
            return true;
    }
    return false;
}

static void write_sets(const struct limit_facts *facts, struct strbuf *out)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        if (has_entry(facts->egress, false))
            strbuf_append_format(out, " set names%u_%s { type ipv%u_addr; flags timeout; }\n", version,
                                 facts->id, version);
        if (has_entry(facts->egress, true))
            strbuf_append_format(out, " set ports%u_%s { type ipv%u_addr . inet_service; flags timeout; }\n",
                                 version, facts->id, version);
    }
}

static void write_network(const struct egress_entry *entry, const struct destination *destination,
                          struct strbuf *out)
{
    char text[NETWORK_TEXT_MAX];
    network_format(&entry->network, text);
    strbuf_append_format(out, "  %s%s daddr %s ", destination->address, strchr(text, ':') ? "ip6" : "ip",
                         text);
    if (entry->port != 0)
        strbuf_append_format(out, "meta l4proto { tcp, udp } %s %u ", destination->port, entry->port);
    strbuf_append_text(out, "accept\n");
}

static void write_names(const struct limit_facts *facts, const struct destination *destination,
                        struct strbuf *out)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        const char *family = version == 4 ? "ip" : "ip6";
        if (has_entry(facts->egress, false))
            strbuf_append_format(out, "  %s%s daddr @names%u_%s accept\n", destination->address, family,
                                 version, facts->id);
        if (has_entry(facts->egress, true))
            strbuf_append_format(out, "  meta l4proto { tcp, udp } %s%s daddr . %s @ports%u_%s accept\n",
                                 destination->address, family, destination->port, version, facts->id);
    }
}

static void write_allowed(const struct limit_facts *facts, const struct destination *destination,
                          struct strbuf *out)
{
    strbuf_append_format(out, " chain %s_%s {\n", destination->chain, facts->id);
    for (size_t i = 0; i < facts->egress->count; i++) {
        if (!facts->egress->items[i].name)
            write_network(&facts->egress->items[i], destination, out);
    }
    write_names(facts, destination, out);
    strbuf_append_text(out, REFUSED " }\n");
}

/* Neighbours have to be found before IPv6 can answer what this host asks. */
static void write_host(const struct limit_facts *facts, const struct limit_surroundings *surroundings,
                       struct strbuf *out)
{
    char gateway[INET6_ADDRSTRLEN];
    ip_address_format(&facts->gateway, gateway);
    strbuf_append_format(
        out,
        " chain host_%s {\n"
        "  ct state established,related accept\n"
        "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n",
        facts->id);
    if (facts->names_port != 0)
        strbuf_append_format(out, "  %s daddr %s udp dport %u accept\n", family_of(&facts->gateway), gateway,
                             facts->names_port);
    for (size_t i = 0; i < surroundings->published_count; i++)
        strbuf_append_format(out, "  %s goto allow_%s\n", surroundings->published[i], facts->id);
    strbuf_append_text(out, REFUSED " }\n");
}

static void write_beyond(const struct limit_facts *facts, const struct limit_surroundings *surroundings,
                         struct strbuf *out)
{
    strbuf_append_format(out,
                         " chain beyond_%s {\n"
                         "  ct state established,related accept\n"
                         "%s"
                         "  ct status dnat goto allow_published_%s\n"
                         "%s"
                         "  goto allow_%s\n"
                         " }\n",
                         facts->id, surroundings->refused, facts->id, surroundings->others, facts->id);
}

void limit_rules_write(const struct limit_facts *facts, const struct limit_surroundings *surroundings,
                       struct strbuf *out)
{
    write_sets(facts, out);
    write_allowed(facts, &now, out);
    write_allowed(facts, &before, out);
    write_host(facts, surroundings, out);
    write_beyond(facts, surroundings, out);
}

void limit_rules_write_input(const struct limit_facts *facts, struct strbuf *out)
{
    strbuf_append_format(out, "  iifname \"%s\" goto host_%s\n", facts->interface, facts->id);
}

void limit_rules_write_forward(const struct limit_facts *facts, struct strbuf *out)
{
    strbuf_append_format(out, "  iifname \"%s\" goto beyond_%s\n", facts->interface, facts->id);
}

void limit_rules_write_prerouting(const struct limit_facts *facts, struct strbuf *out)
{
    char gateway[INET6_ADDRSTRLEN];
    ip_address_format(&facts->gateway, gateway);
    if (facts->names_port != 0)
        strbuf_append_format(out, "  iifname \"%s\" %s daddr %s udp dport 53 redirect to :%u\n",
                             facts->interface, family_of(&facts->gateway), gateway, facts->names_port);
}

/* What is there already keeps its time when it is added again, so it is removed; it is added first so that it
 * is there to be removed. */
static void write_element(const char *table, const char *set, const char *element, unsigned seconds,
                          struct strbuf *out)
{
    strbuf_append_format(out,
                         "add element inet %s %s { %s }\n"
                         "delete element inet %s %s { %s }\n"
                         "add element inet %s %s { %s timeout %us }\n",
                         table, set, element, table, set, element, table, set, element, seconds);
}

void limit_rules_write_address(const char *table, const struct limit_facts *facts, const char *name,
                               const struct ip_address *address, unsigned seconds, struct strbuf *out)
{
    char text[INET6_ADDRSTRLEN], port[16], set[32], element[sizeof(text) + sizeof(port)];
    unsigned version = ip_address_is_ipv4(address) ? 4 : 6;
    ip_address_format(address, text);
    for (size_t i = 0; i < facts->egress->count; i++) {
        const struct egress_entry *entry = &facts->egress->items[i];
        if (!entry->name || !egress_entry_means(entry, name))
            continue;
        snprintf(set, sizeof(set), "%s%u_%s", entry->port ? "ports" : "names", version, facts->id);
        snprintf(port, sizeof(port), " . %u", entry->port);
        snprintf(element, sizeof(element), "%s%s", text, entry->port ? port : "");
        write_element(table, set, element, seconds, out);
    }
}
