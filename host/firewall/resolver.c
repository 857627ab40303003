#include "firewall/resolver.h"

#include "base/alloc.h"
#include "base/queue.h"

#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_PATH   "/etc/resolv.conf"
#define ADDRESSES_MAX 32

struct resolver {
    struct evdns_base *dns;
    TAILQ_HEAD(, resolver_question) questions; /* that have no answer yet */
    bool follows_file;
    struct timespec changed; /* of the file, when it was read */
};

/* It is freed by its answer, which comes even when it was cancelled, or with the resolver. */
struct resolver_question {
    TAILQ_ENTRY(resolver_question) link;
    struct resolver *resolver;
    bool is_wide;
    resolver_done_fn *done; /* NULL: nobody wants to know any more */
    void *owner;
};

static void read_file(struct resolver *resolver)
{
    struct stat now;
    if (!resolver->follows_file || stat(CONFIG_PATH, &now) < 0 ||
        memcmp(&now.st_mtim, &resolver->changed, sizeof(now.st_mtim)) == 0)
        return;
    resolver->changed = now.st_mtim;
    evdns_base_clear_nameservers_and_suspend(resolver->dns);
    evdns_base_resolv_conf_parse(resolver->dns, DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC, CONFIG_PATH);
    evdns_base_resume(resolver->dns);
}

struct resolver *resolver_create(struct event_base *base, const char *server)
{
    struct resolver *resolver = xcalloc(1, sizeof(*resolver));
    TAILQ_INIT(&resolver->questions);
    resolver->dns = evdns_base_new(base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!resolver->dns)
        alloc_failed();
    resolver->follows_file = !server;
    if (server)
        evdns_base_nameserver_ip_add(resolver->dns, server);
    read_file(resolver);
    return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
    if (!resolver)
        return;
    /* That they fail would be told by the event loop, which has ended. */
    evdns_base_free(resolver->dns, 0);
    for (struct resolver_question *question; (question = queue_take_first(&resolver->questions, link));)
        free(question);
    free(resolver);
}

static enum resolver_outcome outcome_of(int result, int count)
{
    if (result == DNS_ERR_NONE)
        return count > 0 ? RESOLVER_FOUND : RESOLVER_NO_ADDRESS;
    if (result == DNS_ERR_NODATA)
        return RESOLVER_NO_ADDRESS;
    return result == DNS_ERR_NOTEXIST ? RESOLVER_NO_NAME : RESOLVER_FAILED;
}

static void read_addresses(const struct resolver_question *question, const void *bytes, size_t count,
                           struct ip_address *ret_addresses)
{
    struct sockaddr_storage socket_address = {0};
    for (size_t i = 0; i < count; i++) {
        if (question->is_wide) {
            struct sockaddr_in6 *wide = (struct sockaddr_in6 *)&socket_address;
            wide->sin6_family = AF_INET6;
            wide->sin6_addr = ((const struct in6_addr *)bytes)[i];
        } else {
            struct sockaddr_in *narrow = (struct sockaddr_in *)&socket_address;
            narrow->sin_family = AF_INET;
            narrow->sin_addr = ((const struct in_addr *)bytes)[i];
        }
        ip_address_from_socket(&socket_address, &ret_addresses[i]);
    }
}

static void on_answer(int result, char type, int count, int ttl, void *bytes, void *context)
{
    (void)type;
    struct resolver_question question = *(struct resolver_question *)context;
    struct ip_address addresses[ADDRESSES_MAX];
    TAILQ_REMOVE(&question.resolver->questions, (struct resolver_question *)context, link);
    free(context);
    struct resolver_answer answer = {.outcome = outcome_of(result, count), .addresses = addresses};
    if (answer.outcome == RESOLVER_FOUND) {
        answer.count = count < ADDRESSES_MAX ? (size_t)count : ADDRESSES_MAX;
        answer.ttl_s = ttl > 0 ? (unsigned)ttl : 0;
        read_addresses(&question, bytes, answer.count, addresses);
    }
    if (question.done)
        question.done(question.owner, &answer);
}

struct resolver_question *resolver_ask(struct resolver *resolver, const char *name, bool is_wide,
                                       resolver_done_fn *done, void *owner)
{
    struct resolver_question *question = xcalloc(1, sizeof(*question));
    *question =
        (struct resolver_question){.resolver = resolver, .is_wide = is_wide, .done = done, .owner = owner};
    TAILQ_INSERT_TAIL(&resolver->questions, question, link);
    read_file(resolver);
    struct evdns_request *request =
        is_wide ? evdns_base_resolve_ipv6(resolver->dns, name, DNS_QUERY_NO_SEARCH, on_answer, question)
                : evdns_base_resolve_ipv4(resolver->dns, name, DNS_QUERY_NO_SEARCH, on_answer, question);
    if (request)
        return question;
    TAILQ_REMOVE(&resolver->questions, question, link);
    free(question);
    return NULL;
}

void resolver_cancel(struct resolver_question *question)
{
    if (question)
        question->done = NULL;
}
