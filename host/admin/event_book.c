#include "admin/event_book.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/queue.h"
#include "base/rfc3339.h"

#include <event2/event.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct event_entry {
    struct kept_event event;
    struct mail mail; /* on its way from the thread that logged it */
    TAILQ_ENTRY(event_entry) link;
};

struct event_book {
    struct mailbox inbox;
    struct event *inbox_event;
    TAILQ_HEAD(event_entries, event_entry) entries; /* oldest first */
    size_t count, bytes;
    uint64_t first_id, last_id;
    atomic_uint on_their_way, lost; /* what nobody could take would be memory without a bound */
    void (*told)(void *context); /* or NULL */
    void *context;
};

static void free_entry(struct event_entry *entry)
{
    free(entry->event.name);
    free(entry->event.function);
    free(entry->event.json);
    free(entry);
}

/* --- on the thread that logs --- */

static const char *function_of(const struct log_field *fields)
{
    for (const struct log_field *field = fields; field->kind != LOG_KIND_END; field++) {
        if (field->kind == LOG_KIND_STRING && strcmp(field->key, "function") == 0)
            return field->string;
    }
    return NULL;
}

static void keep(struct mail *mail, void *owner);

static void observe(const char *name, const struct log_field *fields, const char *json, void *context)
{
    struct event_book *book = context;
    if (atomic_fetch_add(&book->on_their_way, 1) >= EVENT_BOOK_MAX) {
        atomic_fetch_sub(&book->on_their_way, 1);
        atomic_fetch_add(&book->lost, 1);
        return;
    }
    struct event_entry *entry = xcalloc(1, sizeof(*entry));
    const char *function = function_of(fields);
    entry->event = (struct kept_event){
        .name = xstrdup(name), .function = function ? xstrdup(function) : NULL, .json = xstrdup(json)};
    entry->mail.deliver = keep;
    mailbox_post(&book->inbox, &entry->mail);
}

/* --- on the control thread --- */

static void forget_oldest(struct event_book *book)
{
    struct event_entry *oldest = queue_take_first(&book->entries, link);
    book->count--;
    book->bytes -= strlen(oldest->event.json);
    free_entry(oldest);
}

static void keep(struct mail *mail, void *owner)
{
    struct event_book *book = owner;
    struct event_entry *entry = container_of(mail, struct event_entry, mail);
    atomic_fetch_sub(&book->on_their_way, 1);
    entry->event.id = ++book->last_id;
    TAILQ_INSERT_TAIL(&book->entries, entry, link);
    book->count++;
    book->bytes += strlen(entry->event.json);
    while (book->count > 1 && (book->count > EVENT_BOOK_MAX || book->bytes > EVENT_BOOK_BYTES_MAX))
        forget_oldest(book);
}

void event_book_take(struct event_book *book)
{
    bool any = mailbox_deliver(&book->inbox, book);
    book->last_id += atomic_exchange(&book->lost, 0); /* while those were on their way */
    if (any && book->told)
        book->told(book->context);
}

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    event_book_take(context);
}

int event_book_create(struct event_base *base, struct event_book **ret_book, struct error *err)
{
    struct event_book *book = xcalloc(1, sizeof(*book));
    if (mailbox_init(&book->inbox, err) < 0) {
        free(book);
        return -1;
    }
    TAILQ_INIT(&book->entries);
    book->first_id = wall_clock_ms(); /* no daemon has a thousand events a second for all of its life */
    book->last_id = book->first_id;
    book->inbox_event = event_new(base, book->inbox.fd, EV_READ | EV_PERSIST, on_inbox, book);
    event_add(book->inbox_event, NULL);
    log_observe(observe, book);
    *ret_book = book;
    return 0;
}

void event_book_follow(struct event_book *book, void (*told)(void *context), void *context)
{
    book->told = told;
    book->context = context;
}

uint64_t event_book_last_id(const struct event_book *book)
{
    return book->last_id;
}

uint64_t event_book_first_id(const struct event_book *book)
{
    return book->first_id;
}

const struct kept_event *event_book_after(const struct event_book *book, uint64_t id)
{
    const struct event_entry *found = NULL, *entry;
    TAILQ_FOREACH_REVERSE(entry, &book->entries, event_entries, link)
    {
        if (entry->event.id <= id)
            break;
        found = entry;
    }
    return found ? &found->event : NULL;
}

void event_book_destroy(struct event_book *book)
{
    if (!book)
        return;
    log_observe(NULL, NULL);
    mailbox_deliver(&book->inbox, book);
    while (book->count > 0)
        forget_oldest(book);
    event_free(book->inbox_event);
    mailbox_clear(&book->inbox);
    free(book);
}
