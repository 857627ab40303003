/*
 * A container: its life on an engine, from the wish for one to its removal, what it writes and what it died
 * of. It waits for its turn twice, to be made and to be removed, and asks the engine for one thing at a time.
 *
 *     container_queue ─► turn ─► container_create ─► created ─► container_start ─► container_remove ─► gone
 *     container_adopt ─────────────────────────────────────────────────────────► container_leave ─► gone
 *
 * Whatever happens, and in whichever order (it dies while it is being removed, a call fails, nobody wants it
 * before it is there), container_remove() leads to exactly one hooks.gone. Control thread.
 */
#ifndef FLEET_CONTAINER_CONTAINER_H
#define FLEET_CONTAINER_CONTAINER_H

#include "fleet/container/autopsy.h"
#include "fleet/container/container_output.h"
#include "fleet/engine/engine.h"

#include <stdbool.h>
#include <stdint.h>

struct container;

/* All from the event loop. */
struct container_hooks {
    /* Its turn has come: container_create() or container_remove() is called from within. */
    void (*turn)(void *owner);
    /* The engine has made it, and it can be asked about: container_start() or container_remove(). */
    void (*created)(void *owner);
    /* It could not be made, or not be started. */
    void (*failed)(void *owner, const struct error *err);
    /* The engine says that it runs, which its runner may have shown before. */
    void (*started)(void *owner);
    /* container_locate() is through; `state` is NULL with an error. */
    void (*located)(void *owner, const struct error *err, const struct container_state *state);
    /* container_set_limits() is through. */
    void (*limited)(void *owner, const struct error *err);
    /* container_verify() has found out that it has ended. */
    void (*ended)(void *owner);
    /* container_examine() has found the cause: see autopsy.h. */
    void (*explained)(void *owner, const struct error *cause);
    /* It is removed, or has never been. The owner frees it. */
    void (*gone)(void *owner);
};

/* Waits for its turn to be made. `instance`, an id of INSTANCE_ID_DIGITS, is copied. */
struct container *container_queue(struct engine *engine, const char *instance,
                                  const struct container_hooks *hooks, struct engine_account *account,
                                  void *owner);

/* One that an earlier daemon has started. `id` is copied; NULL: the engine has none. `is_dead`: it does not
 * run any more. */
struct container *container_adopt(struct engine *engine, const char *instance, const char *id, bool is_dead,
                                  const struct container_hooks *hooks, void *owner);

/* Opens the pipes of such a one, which are in `run_dir`. */
int container_resume_output(struct container *container, const char *run_dir, struct error *err);

/* Asks the engine for it. -1: what it writes to could not be made. */
int container_create(struct container *container, const struct container_spec *spec,
                     const struct container_place *place, struct error *err);

void container_start(struct container *container);

/* Asks the engine where it is to be reached. After hooks.started. */
void container_locate(struct container *container);

/* Its runner has reached the host, or its server been reached, perhaps before the engine's answer to the
 * start. */
void container_note_reached(struct container *container);

/* A function begins to load in it, or has loaded: meanwhile it has a place among those that start, for a
 * moment at most (engine_queue_linger()). */
void container_note_loads(struct container *container, bool loads);

/* Stops it when it runs, and removes it; hooks.gone follows, from the event loop. In any state, once. While
 * the engine is making or starting it, that call's answer goes on. */
void container_remove(struct container *container);

/* Leaves one that runs to the next daemon: it stays as it is, and hooks.gone follows, from the event loop. In
 * the place of container_remove(). */
void container_leave(struct container *container);

/* After hooks.gone, or when the engine is about to be destroyed. NULL is fine. */
void container_free(struct container *container);

/* Gives one that was made for any function the limits, the name of one. The name a moment later, once at
 * most: it costs the engine as much work as a function takes to load and answer, and nobody waits for it. */
void container_set_limits(struct container *container, const struct container_limits *limits);
void container_rename(struct container *container, const char *name);

/* The engine says that it has ended; that somebody has had it sent a signal. */
void container_note_died(struct container *container);
void container_note_signalled(struct container *container);

/* Asks the engine whether it still runs, after its events may have been missed. */
void container_verify(struct container *container);

/* Finds out what it died of, or what is wrong with it. One at a time. `subject` names neither the container
 * nor its output. */
void container_examine(struct container *container, enum autopsy_case what,
                       const struct autopsy_subject *subject);
bool container_is_examined(const struct container *container);

/* Whether it waits for its turn to be made; whether it has been started. */
bool container_waits(const struct container *container);
bool container_is_started(const struct container *container);

/* Its id at the engine; NULL: there is none, as far as is known. */
const char *container_id(const struct container *container);

/* What it writes; NULL before it is created. */
struct container_output *container_output_of(const struct container *container);

#endif
