/*
 * Which requests of functions are under way in one instance, and what led to them, so that what the instance
 * calls in turn is known to be one step further: its book. Requests from outside are in no book and pay
 * nothing for it: what they call is the first step.
 *
 * Any thread. Reference-counted: the instance's slots, its door and the requests that are in it hold one
 * each.
 */
#ifndef ROUTING_CALL_BOOK_H
#define ROUTING_CALL_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#define CALL_TRACE_DIGITS 32
#define CALL_NAMES_MAX    159

struct call_book;

/* What has led to a request that a function makes. */
struct call_chain {
    unsigned depth; /* functions that call each other up to here, the one that makes it among them; 0: none */
    char trace[CALL_TRACE_DIGITS + 1]; /* the id of its trace, hexadecimal; "": not known */
    char names[CALL_NAMES_MAX +
               1]; /* "a > b > a": the last of these functions, as many as there is room for */
};

/* Such a request, while it is under way. In whatever has such; all zero: it is in no book. */
struct call_entry {
    struct call_chain chain;
    struct call_book *book;
    LIST_ENTRY(call_entry) link;
};

/* A book with one reference, the caller's. */
struct call_book *call_book_create(void);
struct call_book *call_book_ref(struct call_book *book);
/* NULL is fine. */
void call_book_unref(struct call_book *book);

/* The entry's request is under way in the instance of `book`, which may be NULL; and no longer, or has never
 * been. */
void call_book_enter(struct call_book *book, struct call_entry *entry);
void call_book_leave(struct call_entry *entry);

/* What leads to a call that the instance makes now, by the function `name`. It belongs to the request under
 * way that has the same `trace`; when there is none, or the call has no trace (NULL), to the deepest that is
 * under way. The chain's trace is that one's only when it is the only one. */
void call_book_follow(struct call_book *book, const char *trace, const char *name,
                      struct call_chain *ret_chain);

/* Whether a function is among the names of a chain. */
bool call_chain_has(const struct call_chain *chain, const char *name, size_t length);

#endif
