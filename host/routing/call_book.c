#include "routing/call_book.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARROW " > "

struct call_book {
    pthread_mutex_t lock;
    _Atomic unsigned refs;
    LIST_HEAD(, call_entry) entries;
};

struct call_book *call_book_create(void)
{
    struct call_book *book = xcalloc(1, sizeof(*book));
    pthread_mutex_init(&book->lock, NULL);
    atomic_init(&book->refs, 1);
    return book;
}

struct call_book *call_book_ref(struct call_book *book)
{
    atomic_fetch_add_explicit(&book->refs, 1, memory_order_relaxed);
    return book;
}

void call_book_unref(struct call_book *book)
{
    if (!book || atomic_fetch_sub_explicit(&book->refs, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&book->lock);
    free(book);
}

void call_book_enter(struct call_book *book, struct call_entry *entry)
{
    call_book_leave(entry);
    if (!book)
        return;
    entry->book = call_book_ref(book);
    pthread_mutex_lock(&book->lock);
    LIST_INSERT_HEAD(&book->entries, entry, link);
    pthread_mutex_unlock(&book->lock);
}

void call_book_leave(struct call_entry *entry)
{
    struct call_book *book = entry->book;
    if (!book)
        return;
    pthread_mutex_lock(&book->lock);
    LIST_REMOVE(entry, link);
    pthread_mutex_unlock(&book->lock);
    entry->book = NULL;
    call_book_unref(book);
}

static const struct call_entry *deepest(const struct call_book *book, const char *trace)
{
    const struct call_entry *found = NULL, *entry;
    LIST_FOREACH(entry, &book->entries, link)
    {
        if (trace && memcmp(entry->chain.trace, trace, CALL_TRACE_DIGITS) != 0)
            continue;
        if (!found || entry->chain.depth > found->chain.depth)
            found = entry;
    }
    return found;
}

static void look_up(struct call_book *book, const char *trace, struct call_chain *ret_parent)
{
    *ret_parent = (struct call_chain){0};
    pthread_mutex_lock(&book->lock);
    const struct call_entry *parent = trace ? deepest(book, trace) : NULL;
    if (!parent)
        parent = deepest(book, NULL);
    if (parent)
        *ret_parent = parent->chain;
    if (parent && (LIST_FIRST(&book->entries) != parent || LIST_NEXT(parent, link)))
        ret_parent->trace[0] = '\0';
    pthread_mutex_unlock(&book->lock);
}

/* Adds a name at the end; what there is no room for goes from the beginning, whole names. */
static void add_name(const char *names, const char *name, char ret_names[CALL_NAMES_MAX + 1])
{
    const size_t needed = strlen(name) + strlen(ARROW);
    while (*names && strlen(names) + needed > CALL_NAMES_MAX) {
        const char *next = strstr(names, ARROW);
        names = next ? next + strlen(ARROW) : "";
    }
    int length = snprintf(ret_names, CALL_NAMES_MAX + 1, "%s%s%s", names, *names ? ARROW : "", name);
    if (length < 0 || length > CALL_NAMES_MAX)
        *ret_names = '\0'; /* no function's name is that long */
}

void call_book_follow(struct call_book *book, const char *trace, const char *name,
                      struct call_chain *ret_chain)
{
    struct call_chain parent;
    look_up(book, trace, &parent);
    *ret_chain = (struct call_chain){.depth = parent.depth + 1};
    memcpy(ret_chain->trace, parent.trace, sizeof(parent.trace));
    add_name(parent.names, name, ret_chain->names);
}

bool call_chain_has(const struct call_chain *chain, const char *name, size_t length)
{
    for (const char *at = chain->names; at;) {
        const char *end = strstr(at, ARROW);
        size_t size = end ? (size_t)(end - at) : strlen(at);
        if (size == length && memcmp(at, name, length) == 0)
            return true;
        at = end ? end + strlen(ARROW) : NULL;
    }
    return false;
}
