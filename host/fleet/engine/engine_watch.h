/*
 * The connection to the Docker engine as a whole: waits until it answers, makes the network, removes what a
 * killed predecessor left or had asked for, and then follows its events. When the engine goes away the watch
 * waits for it and looks at everything again. Control thread.
 */
#ifndef FLEET_ENGINE_ENGINE_WATCH_H
#define FLEET_ENGINE_ENGINE_WATCH_H

#include "fleet/fleet_env.h"

#include <stdbool.h>
#include <stddef.h>

struct engine_watch;

struct engine_watch_hooks {
    /* The engine answers, now or again, the network is there and events are followed. */
    void (*up)(void *context);
    /* It does not answer any more, and why. Comes again when the reason changes. */
    void (*down)(void *context, const struct error *err);
    /* The container of this instance (12 hexadecimal digits) has ended. */
    void (*died)(void *context, const char *instance);
    /* Somebody has had the engine send it a signal. */
    void (*signalled)(void *context, const char *instance);
    /* Whether a container of ours belongs to a living instance; those that do not are removed. */
    bool (*is_known)(void *context, const char *instance);
    void *context;
};

struct engine_watch *engine_watch_create(const struct fleet_env *env, const struct engine_watch_hooks *hooks);
void engine_watch_start(struct engine_watch *watch);

/* NULL is fine. */
void engine_watch_destroy(struct engine_watch *watch);

bool engine_watch_is_up(const struct engine_watch *watch);

#endif
