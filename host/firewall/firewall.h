/*
 * The firewall: keeps the daemon's table of the kernel's rules as it is told, by the program berth-firewall.
 * That runs as a child where this daemon may change rules and is where the network is (in the engine's
 * network namespace); else in a container of the engine, with the host's network and no right but that one.
 * A program that ends is started again, rules that somebody else has changed are made again. What the kernel
 * has been told stays while the program is away. Control thread.
 */
#ifndef FIREWALL_FIREWALL_H
#define FIREWALL_FIREWALL_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

struct docker;
struct event_base;
struct firewall;

/* Borrowed for as long as the firewall lives. */
struct firewall_options {
    struct event_base *base;
    struct docker *docker;
    const char *owner; /* the daemon's id */
    const char *program; /* absolute path of berth-firewall */
    const char *run_dir; /* for a socket */
};

struct firewall_hooks {
    /* The rules hold (NULL), for the first time or again; or they do not, and why. Comes from the event loop,
     * at least once after each firewall_set(). */
    void (*settled)(void *context, const struct error *err);
    /* Appends the commands that fill sets of the table, whenever it is made: what they hold changes without
     * firewall_set(). NULL: they are empty. */
    void (*fill)(void *context, struct strbuf *out);
    void *context;
};

struct firewall *firewall_create(const struct firewall_options *options, const struct firewall_hooks *hooks);

/* Takes leave: the table goes, too, or stays for the next daemon (`keep`). Waits a moment for the program.
 * NULL is fine. */
void firewall_destroy(struct firewall *firewall, bool keep);

/* From now on the table is what these commands make, which are copied. `usual`: those that would make it for
 * the usual network alone, for tables that others have left; NULL: the same. `interface`: of one of our
 * networks, by which it is seen whether the network is here. */
void firewall_set(struct firewall *firewall, const char *rules, const char *usual, const char *interface);

typedef void firewall_changed_fn(void *owner, const struct error *err);

/* Changes elements of the table's sets by these commands. Reports that it is done, or why not, from the event
 * loop, unless the owner forgets about it. */
void firewall_change(struct firewall *firewall, const char *commands, firewall_changed_fn *done, void *owner);

/* Nothing that `owner` has asked for is reported any more. */
void firewall_forget(struct firewall *firewall, const void *owner);

/* Why the rules do not hold; NULL: they do, as far as is known. */
const struct error *firewall_trouble(const struct firewall *firewall);

/* "itself" or "a container": by whom they are made; or "nobody". */
const char *firewall_maker(const struct firewall *firewall);

#endif
