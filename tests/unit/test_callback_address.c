/* Where callbacks may go. */
#include "calls/callback_address.h"

#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct network_list none = {0};

static const char *refusal_of(const char *text, const struct network_list *allowed)
{
    struct ip_address address;
    assert_true(ip_address_parse(text, strlen(text), &address));
    return callback_address_refusal(&address, allowed);
}

static struct network network_of(const char *text)
{
    struct network network;
    assert_int_equal(network_parse(text, strlen(text), &network), NETWORK_PARSED);
    return network;
}

static void what_others_can_reach_is_allowed(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        "8.8.8.8",     "10.255.254.253",    "192.168.254.253",  "172.31.254.253",  "100.64.254.253",
        "1.0.0.1",     "223.255.255.255",   "169.253.255.255",  "169.255.0.0",     "2001:db8::77",
        "fd00:77::77", "2002:0808:0808::1", "64:ff9b::8.8.8.8", "2000::127.0.0.1",
    };
    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        if (refusal_of(addresses[i], &none))
            fail_msg("%s: %s", addresses[i], refusal_of(addresses[i], &none));
    }
}

static void what_only_this_machine_reaches_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *address, *is;
    } cases[] = {
        {"127.0.0.1", "a loopback address"},
        {"127.255.255.254", "a loopback address"},
        {"::1", "a loopback address"},
        {"::ffff:127.0.0.1", "a loopback address"},
        {"::127.0.0.1", "no address of any host"},
        {"::", "no address of any host"},
        {"0.0.0.0", "no address of any host"},
        {"0.1.2.3", "no address of any host"},
        {"169.254.1.1", "a link-local address"},
        {"fe80::1", "a link-local address"},
        {"febf::1", "a link-local address"},
        {"fec0::1", "a site-local address"},
        {"169.254.169.254", "an address of a cloud's metadata"},
        {"::ffff:169.254.169.254", "an address of a cloud's metadata"},
        {"fd00:ec2::254", "an address of a cloud's metadata"},
        {"224.0.0.1", "a multicast address"},
        {"239.255.255.255", "a multicast address"},
        {"ff02::1", "a multicast address"},
        {"255.255.255.255", "the broadcast address"},
        {"240.0.0.1", "a reserved address"},
        {"2002:7f00:1::", "a loopback address"},
        {"2002:a9fe:a9fe::1", "an address of a cloud's metadata"},
        {"64:ff9b::127.0.0.1", "a loopback address"},
        {"64:ff9b::169.254.169.254", "an address of a cloud's metadata"},
        {"64:ff9b:1::1", "an address of a local translation"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *is = refusal_of(cases[i].address, &none);
        if (!is || strcmp(is, cases[i].is) != 0)
            fail_msg("%s: %s", cases[i].address, is ? is : "allowed");
    }
}

static void what_is_listed_is_allowed(void **state)
{
    (void)state;
    struct network items[] = {network_of("127.0.0.0/8"), network_of("fe80::/10")};
    struct network_list listed = {items, 2};
    assert_null(refusal_of("127.0.0.1", &listed));
    assert_null(refusal_of("::ffff:127.0.0.1", &listed));
    assert_null(refusal_of("2002:7f00:1::", &listed));
    assert_null(refusal_of("fe80::1", &listed));
    assert_non_null(refusal_of("::1", &listed));
    assert_non_null(refusal_of("169.254.169.254", &listed));
}

/* "" or the reason that a URL is refused for. */
static const char *problem_of(const char *url, const struct network_list *allowed)
{
    static struct error err;
    if (callback_url_check(url, allowed, &err) == 0)
        return "";
    assert_int_equal(err.code, ERROR_CALLBACK_URL);
    assert_true(err.hint[0] != '\0');
    return err.message;
}

static void urls_of_receivers_are_taken(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://example.com",        "https://example.com:8443/a/b?c=d#e",
        "HTTP://example.com/",       "http://10.0.0.1:9/",
        "http://[2001:db8::1]/",     "http://notlocalhost/",
        "http://localhost.example/", "http://example.com/a%20b",
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++)
        assert_string_equal(problem_of(urls[i], &none), "");
}

static void what_is_no_url_of_a_receiver_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "example.com/path",
        "/path",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http://",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://example.com/\r\nX: y",
        "http://[::1",
    };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        if (problem_of(urls[i], &none)[0] == '\0')
            fail_msg("taken: %s", urls[i]);
    }
    char longest[CALLBACK_URL_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    memcpy(longest, "http://b/", strlen("http://b/"));
    assert_non_null(strstr(problem_of(longest, &none), "more than 2048 bytes"));
    longest[CALLBACK_URL_MAX] = '\0';
    assert_string_equal(problem_of(longest, &none), "");
}

/* However they are written. */
static void urls_of_this_machine_are_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "http://127.0.0.1/",
        "http://127.0.0.1:8081/system/functions",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://[::1]:8080/",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost/",
        "http://LOCALHOST:80/",
        "http://localhost./",
        "http://a.localhost/",
        "http://169.254.169.254/latest/meta-data",
        "http://[fe80::1%25eth0]/",
        "http://%31%32%37.0.0.1/",
        "http:///127.0.0.1/",
    };
    struct network all[] = {network_of("127.0.0.0/8"), network_of("0.0.0.0/0"), network_of("::/0")};
    struct network_list listed = {all, 3};
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        if (problem_of(urls[i], &none)[0] == '\0')
            fail_msg("taken: %s", urls[i]);
        assert_non_null(strstr(problem_of(urls[i], &none), "where no callback goes"));
        assert_string_equal(problem_of(urls[i], &listed), "");
    }
}

static void receivers_are_named_by_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *url, *receiver;
    } cases[] = {
        {"http://Example.com/a?b", "example.com:80"},
        {"https://example.com", "example.com:443"},
        {"http://example.com:8080/", "example.com:8080"},
        {"http://[2001:DB8::1]:9/", "[2001:db8::1]:9"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *receiver = callback_url_receiver(cases[i].url);
        assert_string_equal(receiver, cases[i].receiver);
        free(receiver);
    }
}

/* Where this machine has an address besides its loopback ones. */
static void addresses_of_this_machine_are_refused(void **state)
{
    (void)state;
    struct ifaddrs *list;
    assert_return_code(getifaddrs(&list), 0);
    for (struct ifaddrs *item = list; item; item = item->ifa_next) {
        struct sockaddr_storage storage = {0};
        struct ip_address address;
        char url[64], text[INET6_ADDRSTRLEN];
        if (!item->ifa_addr || item->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&storage, item->ifa_addr, sizeof(struct sockaddr_in));
        assert_true(ip_address_from_socket(&storage, &address));
        ip_address_format(&address, text);
        snprintf(url, sizeof(url), "http://%s:8080/", text);
        assert_non_null(strstr(problem_of(url, &none), "where no callback goes"));
        struct network own = network_of(text);
        assert_string_equal(problem_of(url, &(struct network_list){&own, 1}), "");
    }
    freeifaddrs(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_can_reach_is_allowed),
        cmocka_unit_test(what_only_this_machine_reaches_is_refused),
        cmocka_unit_test(what_is_listed_is_allowed),
        cmocka_unit_test(urls_of_receivers_are_taken),
        cmocka_unit_test(what_is_no_url_of_a_receiver_is_refused),
        cmocka_unit_test(urls_of_this_machine_are_refused),
        cmocka_unit_test(addresses_of_this_machine_are_refused),
        cmocka_unit_test(receivers_are_named_by_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
