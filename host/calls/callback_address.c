#include "calls/callback_address.h"

#include "base/alloc.h"
#include "base/own_address.h"

#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IPV4_SIZE 4 /* bytes */

/* What is refused, the more particular first. */
static const struct {
    const char *network, *is;
} refused[] = {
    {"169.254.169.254", "an address of a cloud's metadata"},
    {"100.100.100.200", "an address of a cloud's metadata"},
    {"168.63.129.16", "an address of a cloud's metadata"},
    {"fd00:ec2::254", "an address of a cloud's metadata"},
    {"fd20:ce::254", "an address of a cloud's metadata"},
    {"0.0.0.0/8", "no address of any host"},
    {"127.0.0.0/8", "a loopback address"},
    {"169.254.0.0/16", "a link-local address"},
    {"224.0.0.0/4", "a multicast address"},
    {"255.255.255.255", "the broadcast address"},
    {"240.0.0.0/4", "a reserved address"},
    {"::1", "a loopback address"},
    {"::/96", "no address of any host"},
    {"fe80::/10", "a link-local address"},
    {"fec0::/10", "a site-local address"},
    {"ff00::/8", "a multicast address"},
    {"64:ff9b:1::/48", "an address of a local translation"},
};

/* IPv6 addresses that packets to an IPv4 address are sent to, and where in them that one is. */
static const struct {
    const char *network;
    size_t at;
} embedding[] = {{"2002::/16", 2}, {"64:ff9b::/96", 12}};

static bool is_in(const char *network_text, const struct ip_address *address)
{
    struct network network;
    network_parse(network_text, strlen(network_text), &network);
    return network_list_has(&(struct network_list){&network, 1}, address);
}

/* The IPv4 address that is meant by one of IPv6; false: none is. */
static bool find_embedded(const struct ip_address *address, struct ip_address *ret_address)
{
    static const char mapped[] = "::ffff:0.0.0.0";
    for (size_t i = 0; i < sizeof(embedding) / sizeof(*embedding); i++) {
        if (is_in(embedding[i].network, address)) {
            ip_address_parse(mapped, strlen(mapped), ret_address);
            memcpy(ret_address->bytes + sizeof(ret_address->bytes) - IPV4_SIZE,
                   address->bytes + embedding[i].at, IPV4_SIZE);
            return true;
        }
    }
    return false;
}

/* What kind of address it is, of those that are refused; NULL: of none. */
static const char *find_kind(const struct ip_address *address, const struct network_list *allowed)
{
    struct ip_address embedded;
    if (network_list_has(allowed, address))
        return NULL;
    if (find_embedded(address, &embedded))
        return find_kind(&embedded, allowed);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (is_in(refused[i].network, address))
            return refused[i].is;
    }
    return NULL;
}

const char *callback_address_refusal(const struct ip_address *address, const struct network_list *allowed)
{
    const char *is = find_kind(address, allowed);
    bool is_own = !is && !network_list_has(allowed, address) && own_address_is(address);
    return is_own ? "an address of this machine" : is;
}

/* --- URLs --- */

static int refuse(struct error *err, const char *why)
{
    error_set(err, ERROR_CALLBACK_URL, "X-Callback-Url %s", why);
    return error_hint(err, "Give the whole address of a receiver, such as https://example.com/results.");
}

/* "localhost", and names below it, which resolvers answer with a loopback address by themselves. */
static bool names_this_machine(const char *host)
{
    static const char own[] = "localhost";
    size_t length = strlen(host), own_length = strlen(own);
    if (length > 0 && host[length - 1] == '.')
        length--;
    if (length < own_length || strncasecmp(host + length - own_length, own, own_length) != 0)
        return false;
    return length == own_length || host[length - own_length - 1] == '.';
}

/* The address that a host is written as: "192.0.2.1", "[2001:db8::1]". */
static bool parse_host(const char *host, struct ip_address *ret_address)
{
    static const char loopback[] = "127.0.0.1";
    size_t length = strlen(host);
    if (names_this_machine(host))
        return ip_address_parse(loopback, strlen(loopback), ret_address);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']')
        return ip_address_parse(host + 1, length - 2, ret_address);
    return ip_address_parse(host, length, ret_address);
}

static int check_host(const char *host, const struct network_list *allowed, struct error *err)
{
    struct ip_address address;
    const char *is = parse_host(host, &address) ? callback_address_refusal(&address, allowed) : NULL;
    if (!is)
        return 0;
    error_set(err, ERROR_CALLBACK_URL, "X-Callback-Url leads to %s, %s, where no callback goes", host, is);
    return error_hint(err,
                      "Name a receiver elsewhere; or whoever runs this host lists its network in the setting "
                      "\"callback_networks\".");
}

static int check_parts(CURLU *parts, const struct network_list *allowed, struct error *err)
{
    char *scheme = NULL, *host = NULL;
    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0);
    curl_url_get(parts, CURLUPART_HOST, &host, 0);
    bool is_web = scheme && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    int rc = is_web && host ? check_host(host, allowed, err)
                            : refuse(err, "does not begin with http:// or https:// and a host");
    curl_free(scheme);
    curl_free(host);
    return rc;
}

/* libcurl takes it apart, since that is what will call it. */
int callback_url_check(const char *url, const struct network_list *allowed, struct error *err)
{
    if (strlen(url) > CALLBACK_URL_MAX) {
        error_set(err, ERROR_CALLBACK_URL, "X-Callback-Url has more than %d bytes", CALLBACK_URL_MAX);
        return error_hint(err, "Give a shorter address.");
    }
    CURLU *parts = curl_url();
    CURLUcode problem =
        parts ? curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) : CURLUE_OUT_OF_MEMORY;
    int rc = 0;
    if (problem == CURLUE_USER_NOT_ALLOWED)
        rc = refuse(err, "has a user or a password in it, which Berth does not keep");
    else if (problem != CURLUE_OK)
        rc = refuse(err, "is not a URL of http or https");
    else
        rc = check_parts(parts, allowed, err);
    curl_url_cleanup(parts);
    return rc;
}

char *callback_url_receiver(const char *url)
{
    CURLU *parts = curl_url();
    char *host = NULL, *port = NULL;
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        curl_url_get(parts, CURLUPART_HOST, &host, 0);
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    }
    char *receiver = xasprintf("%s:%s", host ? host : "", port ? port : "");
    for (char *at = receiver; *at; at++)
        *at = (char)tolower((unsigned char)*at);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return receiver;
}
