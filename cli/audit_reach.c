#include "cli/audit_reach.h"

#include "cli/fact.h"
#include "cli/members.h"

#include <string.h>

static void print_reached(void)
{
    fact_print("reaches", "the internet and the network that this host is in, as far as this host can");
    fact_print("", "the name servers that this host asks, on port 53");
    fact_print("", "ports that the engine publishes for containers of others (docker run -p)");
    fact_print("", "the names of other instances' containers, which the engine tells for their addresses");
}

/* What its list has, and how names get there. */
static void print_listed(const json_t *egress)
{
    const json_t *entry;
    size_t i;
    fact_print("reaches", "of all that functions can reach only what its \"egress\" has:");
    json_array_foreach(egress, i, entry) fact_print("", "%s", json_string_value(entry));
    if (!json_is_array(egress))
        fact_print("", "nothing");
    fact_print("", "and the daemon, which answers for these names alone");
}

static void print_refused(void)
{
    fact_print("is kept from",
               "all other ports of this host, the gateway's and the management port's among them");
    fact_print("", "other instances and containers, its own function's among them");
    fact_print("", "link-local and metadata addresses, multicast and reserved ones");
}

static void print_rules(const json_t *reach)
{
    if (member_is_true(reach, "holds")) {
        print_refused();
        fact_print("is reached by", "the gateway alone");
        fact_print("which holds by", "rules in the kernel, made by %s",
                   strcmp(member_text(reach, "by"), "itself") == 0 ? "the daemon" : member_text(reach, "by"));
        return;
    }
    fact_print("is kept from",
               "NOTHING but what the engine keeps it from: this host's ports, metadata addresses and "
               "other containers may be reached");
    fact_print("because", "%s", member_text(reach, "problem"));
}

void audit_print_reach(const json_t *audit)
{
    const json_t *container = json_object_get(audit, "container");
    const char *network = member_text(container, "network");
    fact_part("Network");
    if (strcmp(network, "none") == 0) {
        fact_print("reaches", "nothing but its own loopback");
        fact_print("is reached by", "the gateway alone");
    } else {
        const json_t *egress = json_object_get(container, "egress");
        if (egress && !json_is_null(egress))
            print_listed(egress);
        else
            print_reached();
        print_rules(json_object_get(audit, "reach"));
        fact_print("its network", "%s", network);
    }
}
