#include "firewall/builder_rules.h"

void builder_rules_write(const struct builder_facts *facts, struct strbuf *out)
{
    if (!facts->interface)
        return;
    strbuf_append_text(out, " chain from_builders {\n");
    for (size_t i = 0; i < facts->mirror_count; i++) {
        const struct builder_mirror *mirror = &facts->mirrors[i];
        char text[INET6_ADDRSTRLEN];
        ip_address_format(&mirror->address, text);
        strbuf_append_format(out, "  %s daddr %s tcp dport %u accept\n",
                             ip_address_is_ipv4(&mirror->address) ? "ip" : "ip6", text, mirror->port);
    }
    strbuf_append_text(out, " }\n");
}

void builder_rules_write_jump(const struct builder_facts *facts, struct strbuf *out)
{
    if (facts->interface)
        strbuf_append_format(out, "  iifname \"%s\" jump from_builders\n", facts->interface);
}
