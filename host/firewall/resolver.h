/* Asks name servers for the addresses of a name: this host's, or one that it was told. Control thread. */
#ifndef FIREWALL_RESOLVER_H
#define FIREWALL_RESOLVER_H

#include "base/network.h"

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct resolver;

enum resolver_outcome {
    RESOLVER_FOUND,
    RESOLVER_NO_ADDRESS, /* the name is there and has none of that kind */
    RESOLVER_NO_NAME,
    RESOLVER_FAILED, /* nobody has said */
};

/* Borrowed. */
struct resolver_answer {
    enum resolver_outcome outcome;
    const struct ip_address *addresses;
    size_t count;
    unsigned ttl_s; /* the shortest of them */
};

typedef void resolver_done_fn(void *owner, const struct resolver_answer *answer);

/* `server`: "ADDRESS:PORT" or "ADDRESS"; NULL: those of resolv.conf, which is read again when it has changed.
 */
struct resolver *resolver_create(struct event_base *base, const char *server);

/* What is under way ends silently. NULL is fine. */
void resolver_destroy(struct resolver *resolver);

struct resolver_question;

/* Reports from the event loop. NULL: there is no memory, and nothing is reported. */
struct resolver_question *resolver_ask(struct resolver *resolver, const char *name, bool is_wide,
                                       resolver_done_fn *done, void *owner);

/* Forgets a question without its report. NULL is fine. */
void resolver_cancel(struct resolver_question *question);

#endif
