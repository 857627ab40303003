/* Addresses and networks, as users write them and as sockets have them. */
#include "base/network.h"

#include "base/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct network network_of(const char *text)
{
    struct network network;
    assert_int_equal(network_parse(text, strlen(text), &network), NETWORK_PARSED);
    return network;
}

static struct ip_address address_of(const char *text)
{
    struct ip_address address;
    assert_true(ip_address_parse(text, strlen(text), &address));
    return address;
}

static bool has(const char *network_text, const char *address_text)
{
    struct network network = network_of(network_text);
    struct ip_address address = address_of(address_text);
    return network_list_has(&(struct network_list){&network, 1}, &address);
}

static void test_networks_hold_their_addresses(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.255.255"));
    assert_false(has("10.0.0.0/8", "11.0.0.0"));
    assert_true(has("192.168.4.0/22", "192.168.7.255"));
    assert_false(has("192.168.4.0/22", "192.168.8.0"));
    assert_true(has("192.0.2.1", "192.0.2.1"));
    assert_false(has("192.0.2.1", "192.0.2.2"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::1", "::1"));
    assert_false(has("::1", "::2"));
}

static void test_both_forms_of_an_ipv4_address_are_one(void **state)
{
    (void)state;
    assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    assert_true(has("::ffff:10.0.0.0/104", "10.1.2.3"));
    assert_true(has("0.0.0.0/0", "::ffff:8.8.8.8"));
}

static void test_everything_of_one_family_is_nothing_of_the_other(void **state)
{
    (void)state;
    assert_true(has("::/0", "2001:db8::1"));
    assert_false(has("::/0", "10.0.0.1"));
    assert_false(has("::fffe:0:0/95", "10.0.0.1"));
    assert_true(has("0.0.0.0/0", "10.0.0.1"));
    assert_false(has("0.0.0.0/0", "::1"));
    assert_false(has("127.0.0.0/8", "::1"));
}

static void test_what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",
                                            "localhost",
                                            "10.0.0",
                                            "10.0.0.0/",
                                            "10.0.0.0/33",
                                            "10.0.0.0/-1",
                                            "10.0.0.0/8 ",
                                            "/8",
                                            "10.0.0.0//8",
                                            "1.2.3.4.5",
                                            "::1/129",
                                            "::1/0x8",
                                            "[::1]",
                                            "fe80::1%lo",
                                            "1.2.3.4:80",
                                            "*",
                                            "10.0.0.0/0008",
                                            "10.0.0.0/+8",
                                            "10.0.0.0/8/8"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++) {
        struct network network;
        if (network_parse(malformed[i], strlen(malformed[i]), &network) != NETWORK_MALFORMED)
            fail_msg("\"%s\" is taken", malformed[i]);
    }
    struct ip_address address;
    assert_false(ip_address_parse("1.2.3.4\0junk", 12, &address));
}

static void test_bits_behind_the_prefix_are_told(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"10.1.2.3/8", "10.0.0.0/8"},
                                           {"192.168.1.129/25", "192.168.1.128/25"},
                                           {"2001:db8::1/32", "2001:db8::/32"},
                                           {"0.0.0.1/0", "0.0.0.0/0"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct network network;
        char text[NETWORK_TEXT_MAX];
        assert_int_equal(network_parse(cases[i][0], strlen(cases[i][0]), &network), NETWORK_INEXACT);
        network_format(&network, text);
        assert_string_equal(text, cases[i][1]);
    }
}

static void test_sockets_addresses(void **state)
{
    (void)state;
    struct sockaddr_storage storage = {.ss_family = AF_INET};
    struct ip_address address;
    char text[INET6_ADDRSTRLEN];
    inet_pton(AF_INET, "192.0.2.7", &((struct sockaddr_in *)&storage)->sin_addr);
    assert_true(ip_address_from_socket(&storage, &address));
    assert_int_equal(ip_address_format(&address, text), 9);
    assert_string_equal(text, "192.0.2.7");
    storage.ss_family = AF_INET6;
    inet_pton(AF_INET6, "::ffff:192.0.2.8", &((struct sockaddr_in6 *)&storage)->sin6_addr);
    assert_true(ip_address_from_socket(&storage, &address));
    ip_address_format(&address, text);
    assert_string_equal(text, "192.0.2.8");
    storage.ss_family = AF_UNIX;
    assert_false(ip_address_from_socket(&storage, &address));
}

static void test_loopback(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.1"};
    static const char *const other[] = {"128.0.0.1", "::", "::2", "7f00::1", "10.0.0.127"};
    for (size_t i = 0; i < sizeof(loopback) / sizeof(*loopback); i++) {
        struct ip_address address = address_of(loopback[i]);
        assert_true(ip_address_is_loopback(&address));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++) {
        struct ip_address address = address_of(other[i]);
        assert_false(ip_address_is_loopback(&address));
    }
}

static void test_lists(void **state)
{
    (void)state;
    struct network_list list = {0};
    struct ip_address here = address_of("::1"), there = address_of("10.0.0.1");
    assert_false(network_list_has(&list, &here));
    struct network items[] = {network_of("127.0.0.0/8"), network_of("::1")};
    network_list_add(&list, &items[0]);
    network_list_add(&list, &items[1]);
    assert_true(network_list_has(&list, &here));
    assert_false(network_list_has(&list, &there));
    network_list_clear(&list);
    assert_int_equal(list.count, 0);
}

/* Those of interfaces that are up, but link-local ones, which mean nothing without their interface. */
static void test_own_addresses(void **state)
{
    (void)state;
    struct ifaddrs *list;
    assert_return_code(getifaddrs(&list), 0);
    for (struct ifaddrs *item = list; item; item = item->ifa_next) {
        struct sockaddr_storage storage = {0};
        struct ip_address address;
        if (!item->ifa_addr ||
            (item->ifa_addr->sa_family != AF_INET && item->ifa_addr->sa_family != AF_INET6))
            continue;
        memcpy(&storage, item->ifa_addr,
               item->ifa_addr->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                                    : sizeof(struct sockaddr_in6));
        assert_true(ip_address_from_socket(&storage, &address));
        bool is_link_local = address.bytes[0] == 0xfe && address.bytes[1] == 0x80;
        if (!is_link_local)
            assert_true(own_address_is(&address));
    }
    freeifaddrs(list);
    struct ip_address other = address_of("203.0.113.77"), wide = address_of("2001:db8::77");
    assert_false(own_address_is(&other));
    assert_false(own_address_is(&wide));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_hold_their_addresses),
        cmocka_unit_test(test_both_forms_of_an_ipv4_address_are_one),
        cmocka_unit_test(test_everything_of_one_family_is_nothing_of_the_other),
        cmocka_unit_test(test_what_is_no_network_is_refused),
        cmocka_unit_test(test_bits_behind_the_prefix_are_told),
        cmocka_unit_test(test_sockets_addresses),
        cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_own_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
