/* What functions can reach, as the text of rules. What the kernel makes of it is tested end to end. */
#include "firewall/nameservers.h"
#include "firewall/reach_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static const char *const own[] = {"br-0123456789ab"};
static const char *const others[] = {"docker0", "br-other"};

static struct ip_address address_of(const char *text)
{
    struct ip_address address;
    assert_true(ip_address_parse(text, strlen(text), &address));
    return address;
}

static void assert_written(const struct reach_facts *facts, const char *part, bool is_there)
{
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    reach_rules_write(facts, &text);
    assert_false(text.overflowed);
    if ((strstr(strbuf_text(&text), part) != NULL) != is_there)
        fail_msg("%s\n%s in\n%s", part, is_there ? "is not" : "is", strbuf_text(&text));
    strbuf_clear(&text);
}

static struct reach_facts plain_facts(const struct network_list *nameservers)
{
    return (struct reach_facts){
        .owner = "0123456789abcdef", .own = own, .own_count = 1, .nameservers = nameservers};
}

static void test_table_is_the_daemons_and_made_anew(void **state)
{
    (void)state;
    const struct network_list none = {0};
    const struct reach_facts facts = plain_facts(&none);
    assert_written(&facts,
                   "table inet berth_0123456789abcdef\ndelete table inet berth_0123456789abcdef\n"
                   "table inet berth_0123456789abcdef {\n",
                   true);
    assert_written(&facts, "iifname { \"br-0123456789ab\" } jump to_host", true);
    assert_written(&facts, "oifname {  }", false);
}

static void test_other_networks_are_refused_by_name(void **state)
{
    (void)state;
    const struct network_list none = {0};
    struct reach_facts facts = plain_facts(&none);
    facts.others = others;
    facts.other_count = 2;
    assert_written(&facts, "oifname { \"docker0\", \"br-other\" } reject", true);
}

static void test_name_servers_are_let_through_by_their_port_only(void **state)
{
    (void)state;
    struct network_list nameservers = {0};
    nameservers_parse("# nameserver 192.0.2.9\n"
                      "nameserver 192.0.2.1\n"
                      "nameserver\t2001:db8::1 \r\n"
                      "nameserver 127.0.0.53\n"
                      "nameserver ::1\n"
                      "nameserver fe80::1%eth0\n"
                      "nameservers 192.0.2.8\n"
                      "nameserver nothing\n"
                      "nameserver 192.0.2.1\n"
                      "search example.com",
                      &nameservers);
    assert_int_equal(nameservers.count, 3);
    const struct reach_facts facts = plain_facts(&nameservers);
    assert_written(&facts, "ip daddr 192.0.2.1 meta l4proto { tcp, udp } th dport 53 accept", true);
    assert_written(&facts, "ip6 daddr 2001:db8::1 meta l4proto { tcp, udp } th dport 53 accept", true);
    assert_written(&facts, "ip6 daddr fe80::1 meta", true);
    assert_written(&facts, "192.0.2.8", false);
    assert_written(&facts, "192.0.2.9", false);
    assert_written(&facts, "127.0.0.53", false);
    network_list_clear(&nameservers);
}

static void test_published_ports(void **state)
{
    (void)state;
    const struct network_list none = {0};
    const struct reach_published published[] = {
        {.port = 80, .is_everywhere = true},
        {.port = 53, .is_udp = true, .address = address_of("192.0.2.1")},
        {.port = 443, .address = address_of("2001:db8::1")},
    };
    struct reach_facts facts = plain_facts(&none);
    facts.published = published;
    facts.published_count = 3;
    assert_written(&facts, "  tcp dport 80 accept\n", true);
    assert_written(&facts, "  ip daddr 192.0.2.1 udp dport 53 accept\n", true);
    assert_written(&facts, "  ip6 daddr 2001:db8::1 tcp dport 443 accept\n", true);
}

static void test_an_interfaces_name_cannot_be_more_than_that(void **state)
{
    (void)state;
    assert_true(reach_interface_is_plain("br-0123456789ab"));
    assert_true(reach_interface_is_plain("docker0"));
    assert_false(reach_interface_is_plain(""));
    assert_false(reach_interface_is_plain("a\" }"));
    assert_false(reach_interface_is_plain("br 1"));
    assert_false(reach_interface_is_plain("br*"));
    assert_false(reach_interface_is_plain("0123456789abcdef"));
}

/* What builders may reach besides is accepted before the rest is looked at. */
static void test_builders_reach_mirrors_besides(void **state)
{
    (void)state;
    const struct network_list none = {0};
    const struct builder_mirror mirrors[] = {{address_of("192.0.2.7"), 3141},
                                             {address_of("2001:db8::7"), 443}};
    struct reach_facts facts = plain_facts(&none);
    assert_written(&facts, "from_builders", false);
    facts.builders = (struct builder_facts){.interface = own[0], .mirrors = mirrors, .mirror_count = 2};
    static const char marked[] = " meta mark set meta mark or 0x40000000\n";
    char text[512];
    snprintf(text, sizeof(text),
             "  iifname \"br-0123456789ab\" ip daddr 192.0.2.7 tcp dport 3141%s"
             "  iifname \"br-0123456789ab\" ip6 daddr 2001:db8::7 tcp dport 443%s }\n",
             marked, marked);
    assert_written(&facts, text, true);
    assert_written(&facts, " chain from_builders {\n  meta mark and 0x40000000 == 0x40000000 accept\n }\n",
                   true);
    static const char jump[] = "  iifname \"br-0123456789ab\" jump from_builders\n"
                               "  iifname { \"br-0123456789ab\" } jump ";
    snprintf(text, sizeof(text), "%sto_host", jump);
    assert_written(&facts, text, true);
    snprintf(text, sizeof(text), "%sbeyond_host", jump);
    assert_written(&facts, text, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_the_daemons_and_made_anew),
        cmocka_unit_test(test_other_networks_are_refused_by_name),
        cmocka_unit_test(test_name_servers_are_let_through_by_their_port_only),
        cmocka_unit_test(test_published_ports),
        cmocka_unit_test(test_an_interfaces_name_cannot_be_more_than_that),
        cmocka_unit_test(test_builders_reach_mirrors_besides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
