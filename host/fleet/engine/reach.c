#include "fleet/engine/reach.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "docker/events.h"
#include "docker/network.h"
#include "docker/published.h"
#include "firewall/firewall.h"
#include "firewall/firewall_message.h"
#include "firewall/nameservers.h"
#include "firewall/reach_rules.h"
#include "fleet/engine/docker_inside.h"
#include "fleet/engine/limits.h"
#include "fleet/engine/mirror_book.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 50 /* what changes together is looked at once */
#define ENDED_MS  1000 /* for the engine to give back what a container had that has ended */
#define RETRY_MS  2000 /* after a look that the engine did not answer */

/* Texts that are owned. */
struct names {
    char **items;
    size_t count;
};

struct reach {
    struct reach_options options;
    struct firewall *firewall;
    struct limits *limits;
    struct mirror_book *mirrors; /* that builders may reach */
    struct docker_call *call; /* a look at the engine */
    struct docker_call *events;
    struct event *again;
    struct names own, others; /* interfaces */
    struct names limited; /* while they are looked at: those of our own besides */
    size_t usual_count; /* those that are first of our own, which no list limits */
    char *builders; /* that of the builders' network, one of `own`; NULL: it is not there */
    char *rules; /* as the firewall has been told last */
    bool are_made; /* the kernel has had them */
    bool is_stale; /* something has changed since the look began */
    bool has_ended; /* a container has, and what it had may still be listed */
    reach_made_fn *made; /* NULL: nobody waits */
    void *owner;
    reach_made_fn *finished; /* NULL: nobody waits for the end */
    void *finish_owner;
    struct error trouble; /* why there could be no rules; valid when has_trouble */
    bool has_trouble;
};

static void look(struct reach *reach);

/* --- names --- */

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct names){0};
}

static void names_add(struct names *names, const char *name)
{
    names->items = xrealloc(names->items, (names->count + 1) * sizeof(*names->items));
    names->items[names->count++] = xstrdup(name);
}

static void names_move(struct names *from, struct names *to)
{
    for (size_t i = 0; i < from->count; i++)
        names_add(to, from->items[i]);
    names_clear(from);
}

/* --- the end of a look --- */

static void tell_made(struct reach *reach)
{
    reach_made_fn *made = reach->made;
    reach->made = NULL;
    if (made)
        made(reach->owner);
}

static void tell_finished(struct reach *reach)
{
    reach_made_fn *finished = reach->finished;
    reach->finished = NULL;
    if (finished)
        finished(reach->finish_owner);
}

static void look_later(struct reach *reach, uint64_t wait_ms)
{
    uint64_t now_ms = clock_ms();
    timer_at(reach->again, now_ms + wait_ms, now_ms);
}

static void fail(struct reach *reach, const struct error *err)
{
    reach->trouble = *err;
    reach->has_trouble = true;
    log_warning("firewall.not-looked", LOG_ERR(err));
    look_later(reach, RETRY_MS);
    limits_settled(reach->limits, err);
    tell_made(reach);
    tell_finished(reach);
}

static void on_settled(void *context, const struct error *err)
{
    struct reach *reach = context;
    reach->are_made = reach->are_made || !err;
    limits_settled(reach->limits, err);
    tell_made(reach);
}

static void fill(void *context, struct strbuf *out)
{
    const struct reach *reach = context;
    limits_fill(reach->limits, out);
}

/* --- rules --- */

/* As if there were no lists. */
static void write_usual(const struct reach *reach, const struct reach_facts *facts, struct strbuf *out)
{
    struct reach_facts usual = *facts;
    usual.own_count = reach->usual_count;
    usual.limit_count = 0;
    reach_rules_write(&usual, out);
}

/* Rules that have been made stay while the program that looks after them is away, so nobody has to wait. */
static void apply(struct reach *reach, const struct reach_facts *facts)
{
    cleanup_strbuf struct strbuf text, usual;
    strbuf_init(&text, FIREWALL_TEXT_MAX);
    strbuf_init(&usual, FIREWALL_TEXT_MAX);
    reach_rules_write(facts, &text);
    write_usual(reach, facts, &usual);
    bool is_same = reach->rules && strcmp(reach->rules, strbuf_text(&text)) == 0;
    if (!is_same) {
        free(reach->rules);
        reach->rules = strbuf_steal(&text);
        reach->are_made = false;
    }
    if (!is_same || firewall_trouble(reach->firewall))
        firewall_set(reach->firewall, reach->rules, facts->limit_count > 0 ? strbuf_text(&usual) : NULL,
                     reach->own.items[0]);
    if (reach->are_made) {
        limits_settled(reach->limits, firewall_trouble(reach->firewall));
        tell_made(reach);
    }
}

/* An address that stands for all is "0.0.0.0" or "::". */
static bool read_published(const struct docker_published *port, struct reach_published *ret_published)
{
    static const struct ip_address narrow_all = {.bytes = {[10] = 0xff, [11] = 0xff}}, wide_all = {{0}};
    struct reach_published *published = ret_published;
    *published = (struct reach_published){.port = port->port};
    published->is_udp = strcmp(port->protocol, "udp") == 0;
    if (!published->is_udp && strcmp(port->protocol, "tcp") != 0)
        return false;
    if (!*port->address) {
        published->is_everywhere = true;
        return true;
    }
    if (!ip_address_parse(port->address, strlen(port->address), &published->address))
        return false;
    published->is_everywhere = memcmp(&published->address, &narrow_all, sizeof(narrow_all)) == 0 ||
                               memcmp(&published->address, &wide_all, sizeof(wide_all)) == 0;
    return !ip_address_is_loopback(&published->address);
}

static void make_rules(struct reach *reach, const struct docker_published *ports, size_t count)
{
    struct reach_published *published = xcalloc(count + 1, sizeof(*published));
    struct network_list nameservers;
    size_t limit_count;
    nameservers_read(&nameservers);
    struct limit_facts *limits = limits_facts(reach->limits, &limit_count);
    struct reach_facts facts = {.owner = reach->options.owner_id,
                                .own = (const char *const *)reach->own.items,
                                .own_count = reach->own.count,
                                .others = (const char *const *)reach->others.items,
                                .other_count = reach->others.count,
                                .nameservers = &nameservers,
                                .published = published,
                                .limits = limits,
                                .limit_count = limit_count,
                                .builders = {.interface = reach->builders}};
    facts.builders.mirrors = mirror_book_list(reach->mirrors, &facts.builders.mirror_count);
    for (size_t i = 0; i < count; i++)
        facts.published_count += read_published(&ports[i], &published[facts.published_count]);
    apply(reach, &facts);
    network_list_clear(&nameservers);
    free(limits);
    free(published);
}

/* --- a look --- */

static void on_published(void *owner, const struct error *err, const struct docker_published *ports,
                         size_t count)
{
    struct reach *reach = owner;
    reach->call = NULL;
    if (err) {
        fail(reach, err);
        return;
    }
    reach->has_trouble = false;
    make_rules(reach, ports, count);
    if (limits_retry(reach->limits))
        look_later(reach, RETRY_MS);
    if (reach->is_stale || reach->has_ended)
        look_later(reach, reach->is_stale ? SETTLE_MS : ENDED_MS);
    reach->has_ended = false;
}

static void take_builders(struct reach *reach, const char *interface)
{
    names_add(&reach->own, interface);
    reach->builders = xstrdup(interface);
}

static void take_network(struct reach *reach, const struct docker_network_listing *network)
{
    if (!*network->interface)
        return;
    if (!reach_interface_is_plain(network->interface))
        log_warning("firewall.odd-interface", LOG_STR("network", network->name),
                    LOG_STR("interface", network->interface));
    else if (limits_see(reach->limits, network))
        names_add(&reach->limited, network->interface);
    else if (strcmp(network->name, reach->options.network) == 0)
        names_add(&reach->own, network->interface);
    else if (strcmp(network->name, reach->options.builder_network) == 0)
        take_builders(reach, network->interface);
    else
        names_add(&reach->others, network->interface);
}

static void on_tended(void *owner, const struct error *err)
{
    (void)err; /* whoever waits is told */
    struct reach *reach = owner;
    reach->call = NULL;
    look(reach);
}

static void on_networks(void *owner, const struct error *err, const struct docker_network_listing *entries,
                        size_t count)
{
    struct reach *reach = owner;
    struct error none;
    reach->call = NULL;
    if (err) {
        fail(reach, err);
        return;
    }
    names_clear(&reach->own);
    names_clear(&reach->others);
    free(reach->builders);
    reach->builders = NULL;
    names_clear(&reach->limited);
    limits_see_begin(reach->limits);
    for (size_t i = 0; i < count; i++)
        take_network(reach, &entries[i]);
    reach->call = limits_tend(reach->limits, on_tended, reach);
    if (reach->call)
        return;
    if (reach->finished) { /* the rules go, too */
        tell_finished(reach);
        return;
    }
    if (reach->own.count == 0) {
        error_set(&none, ERROR_FIREWALL_UNAVAILABLE, "the network \"%s\" has no bridge that rules could name",
                  reach->options.network);
        fail(reach, &none);
        return;
    }
    reach->usual_count = reach->own.count;
    names_move(&reach->limited, &reach->own);
    reach->call = docker_published_list(reach->options.docker, on_published, reach);
}

static void look(struct reach *reach)
{
    if (reach->call) {
        reach->is_stale = true;
        return;
    }
    reach->is_stale = false;
    reach->call = docker_network_list(reach->options.docker, on_networks, reach);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    look(context);
}

/* --- what the engine tells --- */

/* Containers of ours, and of other daemons like this one, publish nothing. */
static bool concerns(const struct docker_event *event)
{
    bool is_network = strcmp(event->type, "network") == 0;
    if (is_network)
        return strcmp(event->action, "create") == 0 || strcmp(event->action, "destroy") == 0;
    return (strcmp(event->action, "start") == 0 || strcmp(event->action, "die") == 0) &&
           !docker_label(event->attributes, LABEL_HOST);
}

static void on_event(void *owner, const struct docker_event *event)
{
    struct reach *reach = owner;
    if (!concerns(event))
        return;
    reach->has_ended = reach->has_ended || strcmp(event->action, "die") == 0;
    look_later(reach, SETTLE_MS);
}

/* What happened before was not told, so it is looked at. */
static void on_events_opened(void *owner)
{
    look(owner);
}

/* The engine's watch sees to it that this begins again. */
static void on_events_end(void *owner, const struct error *err)
{
    (void)err;
    struct reach *reach = owner;
    reach->events = NULL;
}

/* Before the engine is there, and while it is away, this is no reason to ask it. */
static void on_wish(void *context)
{
    struct reach *reach = context;
    if (reach->events)
        look_later(reach, 0);
}

/* --- for who uses it --- */

struct reach *reach_create(const struct reach_options *options)
{
    struct reach *reach = xcalloc(1, sizeof(*reach));
    reach->options = *options;
    const struct firewall_options firewall = {.base = options->base,
                                              .docker = options->docker,
                                              .owner = options->owner_id,
                                              .program = options->program,
                                              .run_dir = options->run_dir};
    const struct firewall_hooks hooks = {.settled = on_settled, .fill = fill, .context = reach};
    const struct limits_options limits = {.base = options->base,
                                          .docker = options->docker,
                                          .owner_id = options->owner_id,
                                          .name_server = options->name_server,
                                          .changed = on_wish,
                                          .context = reach};
    reach->firewall = firewall_create(&firewall, &hooks);
    reach->limits = limits_create(&limits, reach->firewall);
    reach->again = evtimer_new(options->base, on_again, reach);
    reach->mirrors = mirror_book_create(options->base, on_wish, reach);
    return reach;
}

void reach_add_mirrors(struct reach *reach, const char *text)
{
    mirror_book_add(reach->mirrors, text);
}

void reach_destroy(struct reach *reach, bool keep)
{
    if (!reach)
        return;
    reach_pause(reach);
    limits_destroy(reach->limits);
    mirror_book_destroy(reach->mirrors);
    firewall_destroy(reach->firewall, keep);
    event_free(reach->again);
    names_clear(&reach->own);
    names_clear(&reach->others);
    names_clear(&reach->limited);
    free(reach->builders);
    free(reach->rules);
    free(reach);
}

void reach_begin(struct reach *reach, reach_made_fn *made, void *owner)
{
    static const struct docker_events_callbacks callbacks = {
        .opened = on_events_opened, .event = on_event, .done = on_events_end};
    reach_pause(reach);
    reach->made = made;
    reach->owner = owner;
    reach->events = docker_events_follow_networks(reach->options.docker, &callbacks, reach);
}

void reach_pause(struct reach *reach)
{
    docker_cancel(reach->call);
    docker_cancel(reach->events);
    reach->call = reach->events = NULL;
    reach->made = NULL;
    evtimer_del(reach->again);
    tell_finished(reach);
}

struct limits *reach_limits(const struct reach *reach)
{
    return reach->limits;
}

void reach_finish(struct reach *reach, reach_made_fn *finished, void *owner)
{
    reach->finished = finished;
    reach->finish_owner = owner;
    if (reach->events)
        limits_collect(reach->limits);
    else
        tell_finished(reach);
}

const struct error *reach_trouble(const struct reach *reach)
{
    return reach->has_trouble ? &reach->trouble : firewall_trouble(reach->firewall);
}

const char *reach_maker(const struct reach *reach)
{
    return firewall_maker(reach->firewall);
}
