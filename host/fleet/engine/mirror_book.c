#include "fleet/engine/mirror_book.h"

#include "base/alloc.h"
#include "base/background.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/timer.h"
#include "prepare/process/host_mirrors.h"

#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 60000 /* after names have been resolved; nobody tells how long that holds */

struct addresses {
    struct builder_mirror *items;
    size_t count;
};

struct mirror_book {
    struct event_base *base;
    void (*changed)(void *context);
    void *context;
    struct host_mirrors mirrors;
    struct addresses addresses;
    struct background *background; /* resolves; NULL: there are no names */
    struct event *again;
};

/* A question for the other thread, and what comes of it. */
struct question {
    struct mirror_book *book;
    struct host_mirrors mirrors;
    struct addresses found;
    bool is_part; /* some names cannot be resolved at the moment */
};

static void add(struct addresses *addresses, const struct ip_address *address, unsigned port)
{
    addresses->items = xgrow(addresses->items, addresses->count, sizeof(*addresses->items));
    addresses->items[addresses->count++] = (struct builder_mirror){.address = *address, .port = port};
}

/* False: its name cannot be resolved. */
static bool resolve_one(const struct host_mirror *mirror, struct addresses *ret_found)
{
    const struct addrinfo wish = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct ip_address address;
    if (ip_address_parse(mirror->host, strlen(mirror->host), &address)) {
        add(ret_found, &address, mirror->port);
        return true;
    }
    if (getaddrinfo(mirror->host, NULL, &wish, &list) != 0)
        return false;
    for (const struct addrinfo *item = list; item; item = item->ai_next) {
        struct sockaddr_storage place = {0};
        memcpy(&place, item->ai_addr, item->ai_addrlen);
        if (ip_address_from_socket(&place, &address) && !ip_address_is_loopback(&address))
            add(ret_found, &address, mirror->port);
    }
    freeaddrinfo(list);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct builder_mirror *left = a, *right = b;
    int order = memcmp(&left->address, &right->address, sizeof(left->address));
    return order ? order : (left->port > right->port) - (left->port < right->port);
}

static void sort(struct addresses *addresses)
{
    if (addresses->count > 1)
        qsort(addresses->items, addresses->count, sizeof(*addresses->items), compare);
}

/* In an order of its own: name servers tell them in another one each time. */
static void resolve(void *context)
{
    struct question *question = context;
    for (size_t i = 0; i < question->mirrors.count; i++) {
        if (!resolve_one(&question->mirrors.items[i], &question->found))
            question->is_part = true;
    }
    sort(&question->found);
}

static bool are_same(const struct addresses *left, const struct addresses *right)
{
    if (left->count != right->count)
        return false;
    for (size_t i = 0; i < left->count; i++) {
        if (compare(&left->items[i], &right->items[i]) != 0)
            return false;
    }
    return true;
}

static bool has(const struct addresses *addresses, const struct builder_mirror *wanted)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (compare(&addresses->items[i], wanted) == 0)
            return true;
    }
    return false;
}

/* A name server that is away takes nothing from anybody. */
static void keep_former(const struct mirror_book *book, struct addresses *found)
{
    for (size_t i = 0; i < book->addresses.count; i++) {
        const struct builder_mirror *former = &book->addresses.items[i];
        if (!has(found, former))
            add(found, &former->address, former->port);
    }
    sort(found);
}

static void take(struct mirror_book *book, struct addresses *found, bool is_part)
{
    if (is_part)
        keep_former(book, found);
    if (are_same(&book->addresses, found)) {
        free(found->items);
        return;
    }
    free(book->addresses.items);
    book->addresses = *found;
    log_info("firewall.mirrors", LOG_INT("addresses", found->count));
    book->changed(book->context);
}

static void on_resolved(void *context, bool ran)
{
    struct question *question = context;
    if (ran) {
        take(question->book, &question->found, question->is_part);
        timer_at(question->book->again, clock_ms() + AGAIN_MS, clock_ms());
    } else {
        free(question->found.items);
    }
    host_mirrors_clear(&question->mirrors);
    free(question);
}

static void ask(struct mirror_book *book)
{
    struct question *question = xcalloc(1, sizeof(*question));
    question->book = book;
    host_mirrors_copy(&book->mirrors, &question->mirrors);
    background_run(book->background, resolve, on_resolved, question);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    ask(context);
}

static bool has_names(const struct host_mirrors *mirrors)
{
    struct ip_address address;
    for (size_t i = 0; i < mirrors->count; i++) {
        if (!ip_address_parse(mirrors->items[i].host, strlen(mirrors->items[i].host), &address))
            return true;
    }
    return false;
}

/* Where all are addresses no thread is needed. */
static void resolve_here(struct mirror_book *book)
{
    struct question question = {.mirrors = book->mirrors};
    resolve(&question);
    take(book, &question.found, false);
}

static void begin(struct mirror_book *book)
{
    struct error err;
    if (!has_names(&book->mirrors))
        resolve_here(book);
    else if (book->background || background_create(book->base, &book->background, &err) == 0)
        ask(book);
    else
        log_warning("firewall.mirrors-unknown", LOG_ERR(&err));
}

struct mirror_book *mirror_book_create(struct event_base *base, void (*changed)(void *context), void *context)
{
    struct mirror_book *book = xcalloc(1, sizeof(*book));
    *book = (struct mirror_book){.base = base, .changed = changed, .context = context};
    book->again = evtimer_new(base, on_again, book);
    host_mirrors_read(&book->mirrors);
    begin(book);
    return book;
}

void mirror_book_add(struct mirror_book *book, const char *text)
{
    size_t before = book->mirrors.count;
    host_mirrors_add(&book->mirrors, text, false);
    if (book->mirrors.count > before)
        begin(book);
}

void mirror_book_destroy(struct mirror_book *book)
{
    if (!book)
        return;
    background_destroy(book->background);
    event_free(book->again);
    host_mirrors_clear(&book->mirrors);
    free(book->addresses.items);
    free(book);
}

const struct builder_mirror *mirror_book_list(const struct mirror_book *book, size_t *ret_count)
{
    *ret_count = book->addresses.count;
    return book->addresses.items;
}
