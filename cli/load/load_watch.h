/*
 * What the daemon says of the function under `berth load`, asked for once a second on a thread of its own, so
 * that requests do not wait for it.
 */
#ifndef CLI_LOAD_LOAD_WATCH_H
#define CLI_LOAD_LOAD_WATCH_H

#include "base/error.h"
#include "cli/command.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct load_watch;

/* As the daemon said last. */
struct function_state {
    bool is_known; /* it has answered */
    unsigned instances, ready, busy, waiting;
    uint64_t invocations, failed, cold_starts; /* since the daemon's start */
};

/* The arguments outlive it. */
int load_watch_create(struct event_base *base, const struct arguments *arguments, const char *function,
                      struct load_watch **ret_watch, struct error *err);

/* Asks, unless the last question is still open. */
void load_watch_ask(struct load_watch *watch);

/* Borrowed. */
const struct function_state *load_watch_now(const struct load_watch *watch);

/* The most instances that were seen. */
unsigned load_watch_most(const struct load_watch *watch);

/* NULL is fine. */
void load_watch_destroy(struct load_watch *watch);

/* Asks at once, and waits for the answer. */
struct function_state function_state_ask(const struct arguments *arguments, const char *function);

#endif
