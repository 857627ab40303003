/* How a daemon that starts asks the one that runs for its place. */
#ifndef TAKEOVER_ASK_H
#define TAKEOVER_ASK_H

#include "base/descriptors.h"
#include "base/error.h"

#include <stdint.h>

#define TAKEOVER_SOCKET "takeover.sock" /* in the run directory */

#define INHERITED_FDS   4

/* What an instance has open; -1: not that. */
struct inherited_instance {
    uint64_t instance;
    int fds[INHERITED_FDS]; /* by inherited_names */
};

/* "dial", "door", "line", "doorway": struct instance_handles. */
extern const char *const inherited_names[INHERITED_FDS];

/* What a daemon has of the one whose place it takes. */
struct inheritance {
    int fd; /* of the channel; -1: there is none */
    int pidfd; /* of that one; -1: nobody knows */
    char version[64]; /* of the other daemon */
    uint64_t *keeps; /* instances that stay that one's */
    size_t keep_count;
    struct inherited_instance *instances;
    size_t instance_count;
};

enum takeover_answer {
    TAKEOVER_GIVEN,
    TAKEOVER_DIED, /* the daemon has, without a word, and is gone: this one starts as after any other crash */
    TAKEOVER_NOT_GIVEN, /* there is no daemon, it refuses, or nothing has come within the time */
};

/* Asks the daemon of this run directory, and waits until it has given up its place, for `limit_ms`; its
 * descriptors come to `given`. `err` is filled if it does not; nothing has changed then. The caller clears
 * *ret_inheritance. */
enum takeover_answer takeover_ask(const char *run_dir, const char *version, unsigned limit_ms,
                                  struct descriptors *given, struct inheritance *ret_inheritance,
                                  struct error *err);

void inheritance_clear(struct inheritance *inheritance);

#endif
