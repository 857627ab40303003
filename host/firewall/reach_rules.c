#include "firewall/reach_rules.h"

#include "base/alloc.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

/* Who answers here belongs to this host, its wire or its cloud, or is nobody. What callbacks must not be sent
 * to (calls/callback_address.c) is much the same. */
static const char narrow_refused[] =
    "0.0.0.0/8, 100.100.100.200, 127.0.0.0/8, 168.63.129.16, 169.254.0.0/16, 192.0.0.192, 224.0.0.0/3";
/* With those of 169.254.0.0/16 that a translation would send on. */
static const char wide_refused[] =
    "::/96, 64:ff9b::a9fe:0/112, 64:ff9b:1::/48, 2002:a9fe::/32, fd00:ec2::254, fd20:ce::254, fe80::/9, "
    "ff00::/8";

bool reach_interface_is_plain(const char *name)
{
    static const char plain[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:@";
    size_t length = strspn(name, plain);
    return length > 0 && length < IF_NAMESIZE && !name[length];
}

static void write_names(const char *const *names, size_t count, struct strbuf *out)
{
    strbuf_append_text(out, "{ ");
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(out, "%s\"%s\"", i > 0 ? ", " : "", names[i]);
    strbuf_append_text(out, " }");
}

static const char *family_of(const struct ip_address *address)
{
    return ip_address_is_ipv4(address) ? "ip" : "ip6";
}

static void write_nameservers(const struct network_list *nameservers, struct strbuf *out)
{
    for (size_t i = 0; i < nameservers->count; i++) {
        const struct ip_address *address = &nameservers->items[i].address;
        char text[INET6_ADDRSTRLEN];
        ip_address_format(address, text);
        strbuf_append_format(out, "  %s daddr %s meta l4proto { tcp, udp } th dport 53 accept\n",
                             family_of(address), text);
    }
}

/* What a packet to it has. */
static void write_match(const struct reach_published *published, struct strbuf *out)
{
    char text[INET6_ADDRSTRLEN];
    ip_address_format(&published->address, text);
    if (!published->is_everywhere)
        strbuf_append_format(out, "%s daddr %s ", family_of(&published->address), text);
    strbuf_append_format(out, "%s dport %u", published->is_udp ? "udp" : "tcp", published->port);
}

static void write_published(const struct reach_facts *facts, struct strbuf *out)
{
    for (size_t i = 0; i < facts->published_count; i++) {
        strbuf_append_text(out, "  ");
        write_match(&facts->published[i], out);
        strbuf_append_text(out, " accept\n");
    }
}

/* Neighbours have to be found before IPv6 can answer what this host asks. */
static void write_to_host(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_text(out, " chain to_host {\n"
                            "  ct state established,related accept\n"
                            "  icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } "
                            "accept\n");
    write_nameservers(facts->nameservers, out);
    write_published(facts, out);
    strbuf_append_text(out, "  reject with icmpx admin-prohibited\n }\n");
}

/* What nobody may reach. */
static void write_refused(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_format(out, "  ip daddr { %s } reject with icmpx admin-prohibited\n", narrow_refused);
    strbuf_append_format(out, "  ip6 daddr { %s } reject with icmpx admin-prohibited\n", wide_refused);
    strbuf_append_text(out, "  oifname ");
    write_names(facts->own, facts->own_count, out);
    strbuf_append_text(out, " reject with icmpx admin-prohibited\n");
}

static void write_others(const struct reach_facts *facts, struct strbuf *out)
{
    if (facts->other_count == 0)
        return;
    strbuf_append_text(out, "  oifname ");
    write_names(facts->others, facts->other_count, out);
    strbuf_append_text(out, " reject with icmpx admin-prohibited\n");
}

/* What the engine has sent on to a container (dnat) is what it publishes. */
static void write_beyond(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_text(out, " chain beyond_host {\n"
                            "  ct state established,related accept\n");
    write_nameservers(facts->nameservers, out);
    write_refused(facts, out);
    strbuf_append_text(out, "  ct status dnat accept\n");
    write_others(facts, out);
    strbuf_append_text(out, " }\n");
}

static void write_limits(const struct reach_facts *facts, struct strbuf *out)
{
    struct strbuf refused, others;
    char **published = xcalloc(facts->published_count + 1, sizeof(*published));
    strbuf_init(&refused, out->max);
    strbuf_init(&others, out->max);
    write_refused(facts, &refused);
    strbuf_append_text(&others, "");
    write_others(facts, &others);
    for (size_t i = 0; i < facts->published_count; i++) {
        struct strbuf match;
        strbuf_init(&match, out->max);
        write_match(&facts->published[i], &match);
        published[i] = strbuf_steal(&match);
    }
    const struct limit_surroundings surroundings = {.refused = strbuf_text(&refused),
                                                    .others = strbuf_text(&others),
                                                    .published = (const char *const *)published,
                                                    .published_count = facts->published_count};
    for (size_t i = 0; i < facts->limit_count; i++)
        limit_rules_write(&facts->limits[i], &surroundings, out);
    texts_free(published);
    strbuf_clear(&others);
    strbuf_clear(&refused);
}

/* Names are asked of the gateway. */
static void write_prerouting(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_text(out, " chain prerouting {\n"
                            "  type nat hook prerouting priority dstnat - 10; policy accept;\n");
    for (size_t i = 0; i < facts->limit_count; i++)
        limit_rules_write_prerouting(&facts->limits[i], out);
    strbuf_append_text(out, " }\n");
}

/* Nobody from beyond this host begins to talk to a function either: only the gateway does. */
static void write_hooks(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_text(out, " chain input {\n"
                            "  type filter hook input priority filter - 10; policy accept;\n");
    builder_rules_write_jump(&facts->builders, out);
    for (size_t i = 0; i < facts->limit_count; i++)
        limit_rules_write_input(&facts->limits[i], out);
    strbuf_append_text(out, "  iifname ");
    write_names(facts->own, facts->own_count, out);
    strbuf_append_text(out, " jump to_host\n }\n"
                            " chain forward {\n"
                            "  type filter hook forward priority filter - 10; policy accept;\n");
    builder_rules_write_jump(&facts->builders, out);
    for (size_t i = 0; i < facts->limit_count; i++)
        limit_rules_write_forward(&facts->limits[i], out);
    strbuf_append_text(out, "  iifname ");
    write_names(facts->own, facts->own_count, out);
    strbuf_append_text(out, " jump beyond_host\n  oifname ");
    write_names(facts->own, facts->own_count, out);
    strbuf_append_text(out, " ct state new reject with icmpx admin-prohibited\n }\n");
}

/* It is made before it is removed, so that it is there to be removed. */
void reach_rules_write(const struct reach_facts *facts, struct strbuf *out)
{
    strbuf_append_format(out, "table inet " REACH_TABLE_FORMAT "\n", facts->owner);
    strbuf_append_format(out, "delete table inet " REACH_TABLE_FORMAT "\n", facts->owner);
    strbuf_append_format(out, "table inet " REACH_TABLE_FORMAT " {\n", facts->owner);
    write_to_host(facts, out);
    write_beyond(facts, out);
    builder_rules_write(&facts->builders, out);
    write_limits(facts, out);
    write_hooks(facts, out);
    if (facts->limit_count > 0)
        write_prerouting(facts, out);
    strbuf_append_text(out, "}\n");
}
