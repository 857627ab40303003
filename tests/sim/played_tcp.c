/* In the place of fleet/link/tcp.c: the server of a played container is there once that says so. */
#include "fleet/link/tcp.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "containers.h"
#include "sim.h"

#include <netinet/in.h>
#include <stdlib.h>

#define TRY_MS 20

struct tcp {
    struct link link;
    char *dir;
    struct slot_address address;
    struct agenda_item *try, *loaded;
};

static bool is_there(const struct tcp *tcp)
{
    unsigned number = ((const struct sockaddr_in *)&tcp->address.socket)->sin_addr.s_addr;
    for (const struct played_container *container = containers_first(); container;
         container = containers_next(container)) {
        if (container->number == number)
            return container->runner && *runner_function(container->runner);
    }
    return false;
}

static void try_it(void *context)
{
    struct tcp *tcp = context;
    tcp->try = NULL;
    if (is_there(tcp))
        link_reached(&tcp->link);
    else
        tcp->try = agenda_add_daemons(TRY_MS, try_it, tcp);
}

static const char *dir_of(const struct link *link)
{
    return ((const struct tcp *)link)->dir;
}

static int listen_for_nobody(struct link *link, struct error *err)
{
    (void)link, (void)err;
    return 0;
}

static void set_address(struct tcp *tcp, const char *address)
{
    struct sockaddr_in *socket = (struct sockaddr_in *)&tcp->address.socket;
    socket->sin_family = AF_INET;
    socket->sin_addr.s_addr = (in_addr_t)strtoul(address, NULL, 10);
    tcp->address.length = sizeof(*socket);
}

static int reach(struct link *link, const char *address, struct error *err)
{
    (void)err;
    struct tcp *tcp = (struct tcp *)link;
    set_address(tcp, address);
    tcp->try = agenda_add_daemons(1, try_it, tcp);
    return 0;
}

static int resume(struct link *link, const struct link_past *past, struct error *err)
{
    (void)err;
    set_address((struct tcp *)link, past->address);
    return 0;
}

static void on_loaded(void *context)
{
    struct tcp *tcp = context;
    tcp->loaded = NULL;
    tcp->link.hooks.loaded(tcp->link.owner, NULL, NULL);
}

static void load_nothing(struct link *link)
{
    ((struct tcp *)link)->loaded = agenda_add_daemons(0, on_loaded, link);
}

static const struct slot_address *address_of(const struct link *link)
{
    return &((const struct tcp *)link)->address;
}

static void stop(struct link *link)
{
    struct tcp *tcp = (struct tcp *)link;
    agenda_strike(steal(&tcp->try));
    agenda_strike(steal(&tcp->loaded));
}

static void close_tcp(struct link *link)
{
    struct tcp *tcp = (struct tcp *)link;
    stop(link);
    link_clear(link);
    link_remove_dir(link, tcp->dir);
    free(tcp->dir);
    free(tcp);
}

static const struct link_kind tcp_kind = {
    .dir = dir_of,
    .listen = listen_for_nobody,
    .resume = resume,
    .reach = reach,
    .load = load_nothing,
    .address = address_of,
    .drop = stop,
    .close = close_tcp,
};

int tcp_open(struct event_base *base, const char *dir, uint16_t port, const char *ready_path,
             const struct link_hooks *hooks, void *owner, struct link **ret_link, struct error *err)
{
    (void)port, (void)ready_path;
    if (link_make_dir(dir, err) < 0)
        return -1;
    struct tcp *tcp = xcalloc(1, sizeof(*tcp));
    link_init(&tcp->link, &tcp_kind, base, hooks, owner);
    tcp->dir = xstrdup(dir);
    *ret_link = &tcp->link;
    return 0;
}
