/* What a function with a list can reach, as the text of rules. What the kernel makes of it is tested end to
 * end. */
#include "firewall/reach_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX 65536

static const char *const own[] = {"br-usual", "br-limited"};
static const struct network_list none;
static struct egress egress;
static struct limit_facts limit;

static int set_up(void **state)
{
    (void)state;
    limit = (struct limit_facts){
        .id = "0123456789ab", .interface = "br-limited", .egress = &egress, .names_port = 5353};
    return ip_address_parse("172.30.0.1", 10, &limit.gateway) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    egress_clear(&egress);
    return 0;
}

static void write_rules(struct strbuf *text)
{
    static const struct reach_published published = {.port = 5432, .is_everywhere = true};
    const struct reach_facts facts = {.owner = "0123456789abcdef",
                                      .own = own,
                                      .own_count = 2,
                                      .nameservers = &none,
                                      .published = &published,
                                      .published_count = 1,
                                      .limits = &limit,
                                      .limit_count = 1};
    strbuf_init(text, TEXT_MAX);
    reach_rules_write(&facts, text);
    assert_false(text->overflowed);
}

static void assert_written(const char *part)
{
    struct strbuf text;
    write_rules(&text);
    if (!strstr(strbuf_text(&text), part))
        fail_msg("%s is not in\n%s", part, strbuf_text(&text));
    strbuf_clear(&text);
}

static void assert_not_written(const char *part)
{
    struct strbuf text;
    write_rules(&text);
    if (strstr(strbuf_text(&text), part))
        fail_msg("%s is in\n%s", part, strbuf_text(&text));
    strbuf_clear(&text);
}

static void test_a_limited_bridge_is_judged_before_the_usual_ones(void **state)
{
    (void)state;
    assert_true(egress_parse("192.0.2.1", &egress));
    assert_written("policy accept;\n  iifname \"br-limited\" goto host_0123456789ab\n  iifname { ");
    assert_written("policy accept;\n  iifname \"br-limited\" goto beyond_0123456789ab\n  iifname { ");
    assert_written("  iifname \"br-limited\" ip daddr 172.30.0.1 udp dport 53 redirect to :5353\n");
    assert_written(
        "  ip daddr 172.30.0.1 udp dport 5353 accept\n  tcp dport 5432 goto allow_0123456789ab\n  reject");
}

static void test_addresses_and_networks_are_let_through(void **state)
{
    (void)state;
    assert_true(egress_parse("192.0.2.0/24,198.51.100.1:443,[2001:db8::/32]:53", &egress));
    assert_written(" chain allow_0123456789ab {\n"
                   "  ip daddr 192.0.2.0/24 accept\n"
                   "  ip daddr 198.51.100.1/32 meta l4proto { tcp, udp } th dport 443 accept\n"
                   "  ip6 daddr 2001:db8::/32 meta l4proto { tcp, udp } th dport 53 accept\n"
                   "  reject with icmpx admin-prohibited\n }\n");
    assert_written("  ct original ip daddr 198.51.100.1/32 meta l4proto { tcp, udp } ct original proto-dst "
                   "443 accept\n");
    assert_not_written(" set ");
}

static void test_nothing_is_let_through_by_none(void **state)
{
    (void)state;
    assert_true(egress_parse("none", &egress));
    assert_written(" chain allow_0123456789ab {\n  reject with icmpx admin-prohibited\n }\n");
}

static void test_names_have_sets(void **state)
{
    (void)state;
    assert_true(egress_parse("a.example:443,b.example", &egress));
    assert_written(" set names4_0123456789ab { type ipv4_addr; flags timeout; }\n");
    assert_written(" set ports6_0123456789ab { type ipv6_addr . inet_service; flags timeout; }\n");
    assert_written("  ip daddr @names4_0123456789ab accept\n");
    assert_written("  meta l4proto { tcp, udp } ip6 daddr . th dport @ports6_0123456789ab accept\n");
}

static void test_an_address_goes_to_the_sets_of_what_means_its_name(void **state)
{
    (void)state;
    struct ip_address address;
    struct strbuf text;
    strbuf_init(&text, TEXT_MAX);
    assert_true(egress_parse("a.example:443,*.example,b.example", &egress));
    assert_true(ip_address_parse("192.0.2.1", 9, &address));
    limit_rules_write_address("berth_x", &limit, "a.example", &address, 60, &text);
    assert_string_equal(strbuf_text(&text),
                        "add element inet berth_x names4_0123456789ab { 192.0.2.1 }\n"
                        "delete element inet berth_x names4_0123456789ab { 192.0.2.1 }\n"
                        "add element inet berth_x names4_0123456789ab { 192.0.2.1 timeout 60s }\n"
                        "add element inet berth_x ports4_0123456789ab { 192.0.2.1 . 443 }\n"
                        "delete element inet berth_x ports4_0123456789ab { 192.0.2.1 . 443 }\n"
                        "add element inet berth_x ports4_0123456789ab { 192.0.2.1 . 443 timeout 60s }\n");
    strbuf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_limited_bridge_is_judged_before_the_usual_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_addresses_and_networks_are_let_through, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_let_through_by_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_have_sets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_address_goes_to_the_sets_of_what_means_its_name, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
