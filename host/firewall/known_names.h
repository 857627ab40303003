/*
 * The addresses that a list's names have been seen to have, and for how long each is to be let through. Times
 * are of clock_ms(). Control thread.
 */
#ifndef FIREWALL_KNOWN_NAMES_H
#define FIREWALL_KNOWN_NAMES_H

#include "base/network.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define KNOWN_ADDRESSES_MAX 128 /* of one name */

struct known_address {
    struct ip_address address;
    uint64_t until_ms; /* is let through */
    bool is_current; /* the last answer had it */
};

/* A name's addresses of one kind. */
struct known_name {
    LIST_ENTRY(known_name) link;
    char *name; /* in lower case */
    bool is_wide;
    bool is_kept; /* looked after for as long as the list is there; else while somebody asks */
    struct known_address *addresses;
    size_t count;
    uint64_t fresh_until_ms; /* what is current may be told until then */
    uint64_t asked_ms; /* by a function, last */
    uint64_t due_ms; /* to be asked for again */
};

struct known_names {
    LIST_HEAD(, known_name) list;
    size_t count;
};

/* The one there is, or a new one: in the place of the one that nobody has asked for longest, when there are
 * too many.
 */
struct known_name *known_names_take(struct known_names *names, const char *name, bool is_wide,
                                    uint64_t now_ms);

/* NULL: there is none. */
struct known_name *known_names_find(const struct known_names *names, const char *name, bool is_wide);

/* An answer has come: these are the current ones, which are let through from now on for long enough that who
 * keeps an address for its `ttl_s` does not fail, nor when it cannot be asked for again at once. */
void known_name_note(struct known_name *known, const struct ip_address *addresses, size_t count,
                     unsigned ttl_s, uint64_t now_ms);

/* No answer has come, or none that has addresses. */
void known_name_put_off(struct known_name *known, uint64_t now_ms);

/* For how long an address is to be let through that was seen just now. */
unsigned known_name_seconds(unsigned ttl_s);

/* The next one that is to be asked for; NULL: none. What nobody asks for any more is forgotten. */
struct known_name *known_names_due(struct known_names *names, uint64_t now_ms);

void known_names_clear(struct known_names *names);

#endif
