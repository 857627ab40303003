/*
 * What a function may reach beyond itself: its setting `egress`, as a list of names, addresses and networks,
 * each with a port or without. Plain data; any thread.
 */
#ifndef CONFIG_EGRESS_H
#define CONFIG_EGRESS_H

#include "base/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRESS_COUNT_MAX 256
#define EGRESS_NAME_MAX  253 /* bytes of a name of the DNS */

struct egress_entry {
    char *name; /* in lower case; one that begins with "*." is whatever ends with the rest. NULL: it is
                 * `network`
                 */
    struct network network;
    uint16_t port; /* 0: every one, and what has none */
};

/* Sorted, each once. Zeros: nothing limits it. */
struct egress {
    bool is_limited; /* to the entries; without any it reaches nothing */
    struct egress_entry *items;
    size_t count;
};

/* Why a text is no entry. */
enum egress_flaw {
    EGRESS_FINE,
    EGRESS_MALFORMED, /* neither a name nor an address nor a network */
    EGRESS_PORT, /* what follows the ":" is no port */
    EGRESS_INEXACT, /* a network with bits behind its prefix; *ret_entry has the one that is meant */
    EGRESS_WILDCARD, /* a "*" that is not the whole of the first label of several */
    EGRESS_NEVER, /* what no function can reach: this host's loopback, link-local, multicast, reserved */
};

/* Reads NAME, *.NAME, ADDRESS or NETWORK, or one of them with ":PORT", where one of IPv6 is in brackets. The
 * caller calls egress_entry_clear() when it is fine. */
enum egress_flaw egress_entry_parse(const char *text, size_t length, struct egress_entry *ret_entry);
void egress_entry_clear(struct egress_entry *entry);

/* As egress_entry_parse() reads it, in one way only. The caller frees it. */
char *egress_entry_text(const struct egress_entry *entry);

/* Takes it, to its place. False: the same one is there, and it has been cleared. */
bool egress_add(struct egress *egress, struct egress_entry *entry);

/* Whether a name is among them, whatever the port; `name` is in lower case, without a dot at its end. */
bool egress_has_name(const struct egress *egress, const char *name);

/* Whether any of them is a name. */
bool egress_names_any(const struct egress *egress);

/* Whether an entry, which is a name, means this one. */
bool egress_entry_means(const struct egress_entry *entry, const char *name);

/* All of it: "none", or the entries with commas between them. The same for what is the same. The caller frees
 * it; NULL when nothing limits it. */
char *egress_text(const struct egress *egress);

/* Reads what egress_text() gave. False: it is none of that, and *ret_egress lets nothing through. The caller
 * calls egress_clear() in either case. */
bool egress_parse(const char *text, struct egress *ret_egress);

void egress_clear(struct egress *egress);

#endif
