#include "firewall/builder_rules.h"

/* Each daemon's table sees the builders of all, and what one refuses no other can let through: so what any of
 * them has named is marked before all of them look, and each accepts what is marked. */
#define MARK "0x40000000"

static void write_mark(const char *interface, const struct builder_mirror *mirror, struct strbuf *out)
{
    char text[INET6_ADDRSTRLEN];
    ip_address_format(&mirror->address, text);
    strbuf_append_format(out,
                         "  iifname \"%s\" %s daddr %s tcp dport %u meta mark set meta mark or " MARK "\n",
                         interface, ip_address_is_ipv4(&mirror->address) ? "ip" : "ip6", text, mirror->port);
}

void builder_rules_write(const struct builder_facts *facts, struct strbuf *out)
{
    if (!facts->interface)
        return;
    strbuf_append_text(out, " chain mark_builders {\n"
                            "  type filter hook prerouting priority mangle; policy accept;\n");
    for (size_t i = 0; i < facts->mirror_count; i++)
        write_mark(facts->interface, &facts->mirrors[i], out);
    strbuf_append_text(out, " }\n chain from_builders {\n"
                            "  meta mark and " MARK " == " MARK " accept\n }\n");
}

void builder_rules_write_jump(const struct builder_facts *facts, struct strbuf *out)
{
    if (facts->interface)
        strbuf_append_format(out, "  iifname \"%s\" jump from_builders\n", facts->interface);
}
