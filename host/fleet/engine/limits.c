#include "fleet/engine/limits.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "firewall/name_gate.h"
#include "firewall/reach_rules.h"
#include "firewall/resolver.h"
#include "fleet/engine/docker_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define LABEL_EGRESS "berth.egress" /* egress_text() of what can be reached from the network */

struct limit_wait {
    TAILQ_ENTRY(limit_wait) link;
    struct limit *limit;
    limit_ready_fn *ready;
    void *owner;
};

/* A list and its network. */
struct limit {
    LIST_ENTRY(limit) link;
    struct limits *limits;
    char *text;
    struct egress egress;
    char id[LIMIT_ID_SIZE];
    char *name; /* of the network */
    unsigned holds;
    TAILQ_HEAD(, limit_wait) waits;

    char *network; /* its id; NULL: it is not there */
    char *interface, *gateway;
    bool is_seen; /* by the present look */
    bool is_left; /* could not be removed */
    struct limit_facts facts; /* of a network that is there */
    struct name_gate *gate; /* NULL: not yet, or it could not be opened */
    bool is_ruled; /* the rules that were made last are about it, too */
    struct error problem; /* why there is no network or no gate; valid when has_problem */
    bool has_problem;
};

struct limits {
    struct limits_options options;
    struct firewall *firewall;
    struct resolver *resolver; /* NULL until somebody has names */
    char *table, *name_server;
    LIST_HEAD(, limit) list;
    bool collects;
    bool is_telling; /* those that wait; no list is freed meanwhile */
    struct limit *tended; /* what the call under way is about */
    docker_done_fn *done;
    void *owner;
};

/* --- one list --- */

void limit_id(const char *owner_id, const char *egress, char ret_id[LIMIT_ID_SIZE])
{
    char digest[HASH_HEX_SIZE];
    struct hash *hash = hash_create();
    hash_update_text(hash, owner_id);
    hash_update_text(hash, egress);
    hash_finish(hash, digest);
    memcpy(ret_id, digest, LIMIT_ID_SIZE - 1);
    ret_id[LIMIT_ID_SIZE - 1] = '\0';
}

static struct limit *find(const struct limits *limits, const char *text)
{
    struct limit *limit;
    LIST_FOREACH(limit, &limits->list, link)
    {
        if (strcmp(limit->text, text) == 0)
            return limit;
    }
    return NULL;
}

/* What cannot be read, of another version, lets nothing through. */
static struct limit *take(struct limits *limits, const char *text)
{
    struct limit *limit = find(limits, text);
    if (limit)
        return limit;
    limit = xcalloc(1, sizeof(*limit));
    limit->limits = limits;
    limit->text = xstrdup(text);
    egress_parse(text, &limit->egress);
    limit_id(limits->options.owner_id, text, limit->id);
    limit->name = xasprintf(LIMIT_NETWORK_FORMAT, limit->id);
    TAILQ_INIT(&limit->waits);
    LIST_INSERT_HEAD(&limits->list, limit, link);
    return limit;
}

static void replace(char **slot, const char *text)
{
    free(*slot);
    *slot = text ? xstrdup(text) : NULL;
}

/* The network has gone, or goes. */
static void lose_network(struct limit *limit)
{
    name_gate_close(limit->gate);
    limit->gate = NULL;
    limit->is_ruled = limit->is_left = false;
    replace(&limit->network, NULL);
    replace(&limit->interface, NULL);
    replace(&limit->gateway, NULL);
}

static void limit_free(struct limit *limit)
{
    lose_network(limit);
    LIST_REMOVE(limit, link);
    egress_clear(&limit->egress);
    free(limit->text);
    free(limit->name);
    free(limit);
}

/* A list that nobody has any more and that has no network. */
static void forget_unused(struct limit *limit)
{
    const struct limits *limits = limit->limits;
    if (limit->holds == 0 && !limit->network && TAILQ_EMPTY(&limit->waits) && limits->tended != limit &&
        !limits->is_telling)
        limit_free(limit);
}

static void set_problem(struct limit *limit, const struct error *err)
{
    limit->problem = *err;
    limit->has_problem = true;
    log_warning("firewall.limit-unavailable", LOG_STR("egress", limit->text), LOG_ERR(err));
}

/* --- who waits --- */

/* In the words of whoever asked for less to be reached. */
static void explain(const struct error *cause, struct error *ret_err)
{
    *ret_err = *cause;
    ret_err->component = COMPONENT_FIREWALL;
    ret_err->code = ERROR_EGRESS_UNAVAILABLE;
    if (cause->code != ERROR_EGRESS_UNAVAILABLE)
        error_prefix(ret_err, "what its \"egress\" says cannot be kept");
}

static void tell(struct limit *limit, const struct error *cause)
{
    const struct limit_network network = {.name = limit->name, .gateway = limit->gateway};
    struct limit_wait *wait;
    struct error err;
    if (cause)
        explain(cause, &err);
    while ((wait = TAILQ_FIRST(&limit->waits))) {
        TAILQ_REMOVE(&limit->waits, wait, link);
        limit_ready_fn *ready = wait->ready;
        void *owner = wait->owner;
        free(wait);
        ready(owner, cause ? &err : NULL, cause ? NULL : &network);
    }
}

void limits_settled(struct limits *limits, const struct error *err)
{
    struct limit *limit, *next;
    limits->is_telling = true;
    LIST_FOREACH(limit, &limits->list, link)
    {
        if (err)
            tell(limit, err);
        else if (limit->has_problem)
            tell(limit, &limit->problem);
        else if (limit->is_ruled)
            tell(limit, NULL);
    }
    limits->is_telling = false;
    for (limit = LIST_FIRST(&limits->list); limit; limit = next) {
        next = LIST_NEXT(limit, link);
        forget_unused(limit);
    }
}

struct limit_wait *limits_await(struct limits *limits, const char *egress, limit_ready_fn *ready, void *owner)
{
    struct limit_wait *wait = xcalloc(1, sizeof(*wait));
    struct limit *limit = take(limits, egress);
    *wait = (struct limit_wait){.limit = limit, .ready = ready, .owner = owner};
    TAILQ_INSERT_TAIL(&limit->waits, wait, link);
    limit->has_problem = false;
    limits->options.changed(limits->options.context);
    return wait;
}

void limits_cancel(struct limit_wait *wait)
{
    struct limit *limit = wait->limit;
    TAILQ_REMOVE(&limit->waits, wait, link);
    free(wait);
    forget_unused(limit);
}

void limits_hold(struct limits *limits, const char *egress)
{
    struct limit *limit = take(limits, egress);
    limit->holds++;
    limit->has_problem = false;
    limits->options.changed(limits->options.context);
}

void limits_drop(struct limits *limits, const char *egress)
{
    struct limit *limit = find(limits, egress);
    limit->holds--;
    forget_unused(limit);
    limits->options.changed(limits->options.context);
}

void limits_collect(struct limits *limits)
{
    limits->collects = true;
    limits->options.changed(limits->options.context);
}

/* --- what is there --- */

void limits_see_begin(struct limits *limits)
{
    struct limit *limit;
    LIST_FOREACH(limit, &limits->list, link)
    {
        limit->is_seen = false;
    }
}

/* A network of the same name that was made anew is another one. */
static void note_network(struct limit *limit, const struct docker_network_listing *network)
{
    limit->is_seen = true;
    if (limit->network && strcmp(limit->network, network->id) == 0)
        return;
    lose_network(limit);
    replace(&limit->network, network->id);
    replace(&limit->interface, network->interface);
    replace(&limit->gateway, network->gateway);
    limit->facts =
        (struct limit_facts){.id = limit->id, .interface = limit->interface, .egress = &limit->egress};
    if (!ip_address_parse(network->gateway, strlen(network->gateway), &limit->facts.gateway)) {
        struct error err;
        error_set(&err, ERROR_EGRESS_UNAVAILABLE, "the network \"%s\" has no gateway", limit->name);
        error_hint(&err, "remove it (docker network rm %s): it is made anew", limit->name);
        set_problem(limit, &err);
    }
}

bool limits_see(struct limits *limits, const struct docker_network_listing *network)
{
    const char *owner = docker_label(network->labels, LABEL_HOST);
    const char *text = docker_label(network->labels, LABEL_EGRESS);
    if (!owner || !text || strcmp(owner, limits->options.owner_id) != 0 || !*network->interface)
        return false;
    note_network(take(limits, text), network);
    return true;
}

/* --- what is to be done --- */

static void end_tending(struct limits *limits, const struct error *err)
{
    limits->tended = NULL;
    limits->done(limits->owner, err);
}

static void on_made(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct limits *limits = owner;
    struct error why;
    if (err) {
        why = *err;
        error_prefix(&why, "its network");
        error_hint(&why,
                   "an engine has room for some thirty networks, unless \"default-address-pools\" of its "
                   "daemon.json says otherwise; functions with the same \"egress\" share one");
        set_problem(limits->tended, &why);
    }
    end_tending(limits, NULL);
}

/* Somebody is still on it, and will have gone. */
static void on_removed(void *owner, const struct error *err)
{
    struct limits *limits = owner;
    struct limit *limit = limits->tended;
    limits->tended = NULL;
    if (err && err->code != ERROR_NOT_FOUND)
        limit->is_left = true;
    else
        lose_network(limit);
    forget_unused(limit);
    end_tending(limits, NULL);
}

static struct docker_call *make(struct limits *limits, const struct limit *limit)
{
    const struct docker_pair labels[] = {{LABEL_HOST, limits->options.owner_id}, {LABEL_EGRESS, limit->text}};
    const struct docker_network network = {.name = limit->name, .labels = labels, .label_count = 2};
    return docker_network_ensure(limits->options.docker, &network, on_made, limits);
}

static bool is_wanted(const struct limit *limit)
{
    return limit->holds > 0 || !TAILQ_EMPTY(&limit->waits);
}

struct docker_call *limits_tend(struct limits *limits, docker_done_fn *done, void *owner)
{
    struct limit *limit, *next;
    limits->done = done;
    limits->owner = owner;
    for (limit = LIST_FIRST(&limits->list); limit; limit = next) {
        next = LIST_NEXT(limit, link);
        if (!limit->is_seen)
            lose_network(limit);
        limits->tended = limit;
        if (is_wanted(limit) && !limit->network && !limit->has_problem)
            return make(limits, limit);
        if (!is_wanted(limit) && limit->network && limits->collects && !limit->is_left)
            return docker_network_remove(limits->options.docker, limit->network, on_removed, limits);
        limits->tended = NULL;
        forget_unused(limit);
    }
    return NULL;
}

bool limits_retry(struct limits *limits)
{
    struct limit *limit;
    bool any = false;
    LIST_FOREACH(limit, &limits->list, link)
    {
        any = any || limit->is_left;
        limit->is_left = false;
    }
    return any;
}

/* --- rules --- */

/* Who may reach no name is told that there is none; where nobody can tell, it waits in vain. */
static void open_gate(struct limit *limit)
{
    struct limits *limits = limit->limits;
    struct error err;
    if (!limits->resolver)
        limits->resolver = resolver_create(limits->options.base, limits->name_server);
    const struct name_gate_options options = {.base = limits->options.base,
                                              .firewall = limits->firewall,
                                              .resolver = limits->resolver,
                                              .table = limits->table,
                                              .facts = &limit->facts};
    if (name_gate_open(&options, &limit->gate, &err) == 0)
        limit->facts.names_port = name_gate_port(limit->gate);
    else if (egress_names_any(&limit->egress))
        set_problem(limit, &err);
}

struct limit_facts *limits_facts(struct limits *limits, size_t *ret_count)
{
    struct limit_facts *facts = NULL;
    struct limit *limit;
    size_t count = 0;
    LIST_FOREACH(limit, &limits->list, link)
    {
        limit->is_ruled = limit->network != NULL;
        if (!limit->network)
            continue;
        if (!limit->gate && !limit->has_problem)
            open_gate(limit);
        facts = xgrow(facts, count, sizeof(*facts));
        facts[count++] = limit->facts;
    }
    *ret_count = count;
    return facts;
}

void limits_fill(const struct limits *limits, struct strbuf *out)
{
    const struct limit *limit;
    LIST_FOREACH(limit, &limits->list, link)
    {
        if (limit->gate && limit->is_ruled)
            name_gate_fill(limit->gate, out);
    }
}

/* --- the whole --- */

struct limits *limits_create(const struct limits_options *options, struct firewall *firewall)
{
    struct limits *limits = xcalloc(1, sizeof(*limits));
    limits->options = *options;
    limits->firewall = firewall;
    limits->name_server = options->name_server ? xstrdup(options->name_server) : NULL;
    limits->table = xasprintf(REACH_TABLE_FORMAT, options->owner_id);
    return limits;
}

void limits_destroy(struct limits *limits)
{
    struct limit *limit, *next;
    for (limit = LIST_FIRST(&limits->list); limit; limit = next) {
        next = LIST_NEXT(limit, link);
        limit_free(limit);
    }
    resolver_destroy(limits->resolver);
    free(limits->table);
    free(limits->name_server);
    free(limits);
}
