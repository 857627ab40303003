/*
 * Where the mirrors and proxies are that this host names to builders, by their addresses: names are resolved
 * as this host resolves them, again and again. Control thread.
 */
#ifndef FLEET_ENGINE_MIRROR_BOOK_H
#define FLEET_ENGINE_MIRROR_BOOK_H

#include "firewall/builder_rules.h"

#include <stddef.h>

struct event_base;
struct mirror_book;

/* Reads them from the daemon's environment and begins to resolve them. `changed` is called, from the event
 * loop, when the addresses have. */
struct mirror_book *mirror_book_create(struct event_base *base, void (*changed)(void *context),
                                       void *context);

/* Adds those of a text (host_mirrors_add()), which are there to stay. */
void mirror_book_add(struct mirror_book *book, const char *text);

/* NULL is fine. */
void mirror_book_destroy(struct mirror_book *book);

/* The addresses as they are known now, valid until the event loop goes on. */
const struct builder_mirror *mirror_book_list(const struct mirror_book *book, size_t *ret_count);

#endif
