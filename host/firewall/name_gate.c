#include "firewall/name_gate.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "firewall/dns_message.h"
#include "firewall/firewall.h"
#include "firewall/firewall_message.h"
#include "firewall/known_names.h"
#include "firewall/resolver.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOKUPS_MAX   256 /* under way at once */
#define QUESTIONS_MAX 64 /* in a turn of the event loop */
#define DATAGRAM_MAX  4096

struct name_gate {
    struct name_gate_options options;
    int fd;
    struct event *readable;
    uint16_t port;
    struct known_names names;
    LIST_HEAD(, lookup) lookups;
    size_t lookup_count;
    struct event *again;
};

/* A function that asks. */
struct asker {
    struct sockaddr_storage address;
    socklen_t size;
    struct dns_question question;
};

/* A question for name servers under way. */
struct lookup {
    LIST_ENTRY(lookup) link;
    struct name_gate *gate;
    char *name; /* in lower case */
    bool is_wide;
    struct asker *asker; /* NULL: nobody has asked, it is looked at again */
    struct resolver_question *question;
};

static void look_again(struct name_gate *gate);

/* --- what is answered --- */

/* An answer that cannot be sent is one that is lost on its way: it is asked for again. */
static void respond_with(const struct name_gate *gate, const struct asker *asker, enum dns_outcome outcome,
                         const struct ip_address *addresses, size_t count, unsigned ttl_s)
{
    uint8_t bytes[DNS_MESSAGE_MAX];
    if (!asker)
        return;
    size_t size = dns_answer_write(&asker->question, outcome, addresses, count, ttl_s, bytes);
    sendto(gate->fd, bytes, size, MSG_NOSIGNAL, (const struct sockaddr *)&asker->address, asker->size);
}

static void respond(const struct name_gate *gate, const struct asker *asker, enum dns_outcome outcome)
{
    respond_with(gate, asker, outcome, NULL, 0, 0);
}

static void respond_known(const struct name_gate *gate, const struct asker *asker,
                          const struct known_name *known, uint64_t now_ms)
{
    struct ip_address addresses[DNS_ANSWERS_MAX];
    uint64_t left_ms = known->fresh_until_ms > now_ms ? known->fresh_until_ms - now_ms : 0;
    size_t count = 0;
    for (size_t i = 0; i < known->count && count < DNS_ANSWERS_MAX; i++) {
        if (known->addresses[i].is_current)
            addresses[count++] = known->addresses[i].address;
    }
    respond_with(gate, asker, DNS_FINE, addresses, count, (unsigned)(left_ms / 1000));
}

/* --- a lookup --- */

static void lookup_end(struct lookup *lookup)
{
    lookup->gate->lookup_count--;
    LIST_REMOVE(lookup, link);
    free(lookup->asker);
    free(lookup->name);
    free(lookup);
}

/* The kernel knows the addresses now: they may be told. */
static void on_let_through(void *owner, const struct error *err)
{
    struct lookup *lookup = owner;
    struct name_gate *gate = lookup->gate;
    uint64_t now_ms = clock_ms();
    struct known_name *known = known_names_find(&gate->names, lookup->name, lookup->is_wide);
    if (err)
        log_warning("firewall.name-not-let-through", LOG_STR("name", lookup->name), LOG_ERR(err));
    if (err && known)
        known_name_put_off(known, now_ms);
    if (err || !known)
        respond(gate, lookup->asker, DNS_FAILED);
    else
        respond_known(gate, lookup->asker, known, now_ms);
    lookup_end(lookup);
    look_again(gate);
}

static void let_through(struct lookup *lookup, const struct resolver_answer *answer)
{
    struct name_gate *gate = lookup->gate;
    uint64_t now_ms = clock_ms();
    struct known_name *known = known_names_take(&gate->names, lookup->name, lookup->is_wide, now_ms);
    cleanup_strbuf struct strbuf commands;
    strbuf_init(&commands, FIREWALL_TEXT_MAX);
    for (size_t i = 0; i < answer->count; i++)
        limit_rules_write_address(gate->options.table, gate->options.facts, lookup->name,
                                  &answer->addresses[i], known_name_seconds(answer->ttl_s), &commands);
    known_name_note(known, answer->addresses, answer->count, answer->ttl_s, now_ms);
    firewall_change(gate->options.firewall, strbuf_text(&commands), on_let_through, lookup);
}

static void on_resolved(void *owner, const struct resolver_answer *answer)
{
    struct lookup *lookup = owner;
    struct name_gate *gate = lookup->gate;
    lookup->question = NULL;
    if (answer->outcome == RESOLVER_FOUND) {
        let_through(lookup, answer);
        return;
    }
    struct known_name *known = known_names_find(&gate->names, lookup->name, lookup->is_wide);
    if (known)
        known_name_put_off(known, clock_ms());
    respond(gate, lookup->asker,
            answer->outcome == RESOLVER_NO_NAME      ? DNS_NO_NAME
            : answer->outcome == RESOLVER_NO_ADDRESS ? DNS_FINE
                                                     : DNS_FAILED);
    lookup_end(lookup);
    look_again(gate);
}

static void look_up(struct name_gate *gate, const char *name, bool is_wide, const struct asker *asker)
{
    if (gate->lookup_count >= LOOKUPS_MAX) {
        respond(gate, asker, DNS_FAILED);
        return;
    }
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));
    *lookup = (struct lookup){.gate = gate, .name = xstrdup(name), .is_wide = is_wide};
    LIST_INSERT_HEAD(&gate->lookups, lookup, link);
    gate->lookup_count++;
    if (asker) {
        lookup->asker = xmalloc(sizeof(*asker));
        *lookup->asker = *asker;
    }
    lookup->question = resolver_ask(gate->options.resolver, name, is_wide, on_resolved, lookup);
    if (lookup->question)
        return;
    respond(gate, asker, DNS_FAILED);
    lookup_end(lookup);
}

/* --- names that are looked at again --- */

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct name_gate *gate = context;
    uint64_t now_ms = clock_ms();
    struct known_name *known;
    while ((known = known_names_due(&gate->names, now_ms)) && known->due_ms <= now_ms) {
        known_name_put_off(known, now_ms); /* until the answer comes, or for want of one */
        look_up(gate, known->name, known->is_wide, NULL);
    }
    look_again(gate);
}

static void look_again(struct name_gate *gate)
{
    uint64_t now_ms = clock_ms();
    const struct known_name *known = known_names_due(&gate->names, now_ms);
    if (known)
        timer_at(gate->again, known->due_ms, now_ms);
}

/* --- a function asks --- */

static void answer_name(struct name_gate *gate, const struct asker *asker)
{
    const struct dns_question *question = &asker->question;
    uint64_t now_ms = clock_ms();
    bool is_wide = question->kind == DNS_WIDE;
    struct known_name *known = known_names_find(&gate->names, question->name, is_wide);
    if (known)
        known->asked_ms = now_ms;
    if (known && known->fresh_until_ms > now_ms)
        respond_known(gate, asker, known, now_ms);
    else
        look_up(gate, question->name, is_wide, asker);
}

static void answer(struct name_gate *gate, const struct asker *asker)
{
    const struct dns_question *question = &asker->question;
    if (!*question->name || !egress_has_name(gate->options.facts->egress, question->name))
        respond(gate, asker, DNS_NO_NAME);
    else if (question->kind == DNS_OTHER)
        respond(gate, asker, DNS_FINE); /* it has nothing of that kind */
    else
        answer_name(gate, asker);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    uint8_t bytes[DATAGRAM_MAX];
    for (unsigned i = 0; i < QUESTIONS_MAX; i++) {
        struct asker asker = {.size = sizeof(asker.address)};
        ssize_t size = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&asker.address, &asker.size);
        if (size < 0)
            return;
        if (dns_question_parse(bytes, (size_t)size, &asker.question))
            answer(context, &asker);
    }
}

/* --- for who uses it --- */

/* The names that stand in the list are known from the start: who goes on with an address must be let through.
 */
static void begin(struct name_gate *gate)
{
    const struct egress *egress = gate->options.facts->egress;
    for (size_t i = 0; i < egress->count; i++) {
        if (egress->items[i].name && egress->items[i].name[0] != '*')
            known_names_take(&gate->names, egress->items[i].name, false, clock_ms())->is_kept = true;
    }
    look_again(gate);
}

static socklen_t socket_address_of(const struct ip_address *address, struct sockaddr_storage *ret_address)
{
    *ret_address = (struct sockaddr_storage){0};
    if (ip_address_is_ipv4(address)) {
        struct sockaddr_in *narrow = (struct sockaddr_in *)ret_address;
        narrow->sin_family = AF_INET;
        memcpy(&narrow->sin_addr, address->bytes + 12, sizeof(narrow->sin_addr));
        return sizeof(*narrow);
    }
    struct sockaddr_in6 *wide = (struct sockaddr_in6 *)ret_address;
    wide->sin6_family = AF_INET6;
    memcpy(&wide->sin6_addr, address->bytes, sizeof(wide->sin6_addr));
    return sizeof(*wide);
}

/* -1 with errno. */
static int listen_at(const struct ip_address *address, uint16_t *ret_port)
{
    struct sockaddr_storage place;
    socklen_t size = socket_address_of(address, &place);
    cleanup_close int fd = socket(place.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&place, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&place, &size) < 0)
        return -1;
    *ret_port = ntohs(place.ss_family == AF_INET ? ((struct sockaddr_in *)&place)->sin_port
                                                 : ((struct sockaddr_in6 *)&place)->sin6_port);
    return steal_fd(&fd);
}

int name_gate_open(const struct name_gate_options *options, struct name_gate **ret_gate, struct error *err)
{
    uint16_t port;
    int fd = listen_at(&options->facts->gateway, &port);
    if (fd < 0) {
        char text[INET6_ADDRSTRLEN];
        ip_address_format(&options->facts->gateway, text);
        error_set(
            err, ERROR_EGRESS_UNAVAILABLE,
            "the daemon cannot answer functions that ask for names, at the address %s of their network: %s",
            text, strerror(errno));
        error_hint(err, "the engine has to run in the daemon's network namespace; a list of addresses alone "
                        "needs no names");
        return -1;
    }
    struct name_gate *gate = xcalloc(1, sizeof(*gate));
    gate->options = *options;
    gate->port = port;
    gate->again = evtimer_new(options->base, on_again, gate);
    gate->fd = fd;
    gate->readable = event_new(options->base, fd, EV_READ | EV_PERSIST, on_readable, gate);
    event_add(gate->readable, NULL);
    begin(gate);
    *ret_gate = gate;
    return 0;
}

void name_gate_close(struct name_gate *gate)
{
    if (!gate)
        return;
    struct lookup *lookup, *next;
    for (lookup = LIST_FIRST(&gate->lookups); lookup; lookup = next) {
        next = LIST_NEXT(lookup, link);
        firewall_forget(gate->options.firewall, lookup);
        resolver_cancel(lookup->question);
        lookup_end(lookup);
    }
    event_free(gate->readable);
    close(gate->fd);
    known_names_clear(&gate->names);
    event_free(gate->again);
    free(gate);
}

uint16_t name_gate_port(const struct name_gate *gate)
{
    return gate->port;
}

void name_gate_fill(const struct name_gate *gate, struct strbuf *out)
{
    uint64_t now_ms = clock_ms();
    const struct known_name *known;
    LIST_FOREACH(known, &gate->names.list, link)
    {
        for (size_t i = 0; i < known->count; i++) {
            const struct known_address *address = &known->addresses[i];
            if (address->until_ms > now_ms + 1000)
                limit_rules_write_address(gate->options.table, gate->options.facts, known->name,
                                          &address->address, (unsigned)((address->until_ms - now_ms) / 1000),
                                          out);
        }
    }
}
