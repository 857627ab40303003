/*
 * The engine: what runs containers. An interface; Docker's engine on this machine implements it
 * (docker_engine.h), a scheduler of many machines could. What belongs to an engine whatever it is stands here
 * as well: whose turn it is to ask it for something slow, how much may run on it, and what its trouble is.
 * Control thread.
 *
 * A container is made, then started, because somebody may have to get ready for its runner in between: it
 * can only be told from a stranger when the engine has said that the container is there.
 *
 * Calls. Every function that asks the engine something reports through a callback, from the event loop and
 * never from inside the function itself. Arguments are copied. A call ends with exactly one callback, after
 * which the handle is gone; engine_cancel() ends it earlier and silently. `err` is NULL on success, and
 * borrowed like the result. Errors have the component of who is asked and codes that docker/docker.h names:
 * what decides by them are "not-found", "image-missing", "conflict" and, for what the engine will refuse
 * again, "docker-request".
 */
#ifndef FLEET_ENGINE_ENGINE_H
#define FLEET_ENGINE_ENGINE_H

#include "base/error.h"
#include "fleet/engine/budget.h"
#include "fleet/engine/container_spec.h"
#include "fleet/engine/engine_queue.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define INSTANCE_ID_DIGITS 12

struct engine;

/* What is one container's own. Borrowed during the call. */
struct container_place {
    const char *name;
    const char *instance; /* id, for the engine to know it by after a restart of the daemon */
    const char *link_variable; /* "NAME=value": how its runner finds the host; NULL: it is found */
    /* For engines that share this host's file system: absolute, what the link and the output need, and the
     * package. NULL: there is none, the link carries it. */
    const char *run_dir, *code_dir;
    /* A folder in memory that the function finds its secrets in; they may come after the start. NULL: none.
     */
    const char *secrets_dir;
    /* Variables of the command's own, each as NAME=value and a NUL, which whoever asks the engine about the
     * container does not see. NULL: none. */
    const char *environment_file;
};

struct container_limits {
    uint64_t memory_bytes;
    double cpus;
    unsigned pids;
};

/* What the engine sees of a container. Borrowed. */
struct container_state {
    bool running;
    bool is_ending; /* though it runs: its first process is at its end */
    bool oom_killed;
    int exit_code;
    const char *error; /* why it could not start, or "" */
    const char *address; /* that this host reaches it at, or "" */
    int process; /* its first, as this host numbers it; 0: not known */
};

/* A call under way. What an engine keeps of its own begins with this. */
struct engine_call {
    const struct engine_kind *kind;
};

typedef void engine_done_fn(void *owner, const struct error *err);
typedef void engine_id_fn(void *owner, const struct error *err, const char *id);
typedef void engine_state_fn(void *owner, const struct error *err, const struct container_state *state);

/* How what its containers can reach is limited. Borrowed. */
struct engine_reach {
    bool is_limited; /* false: nobody was asked to */
    const struct error *trouble; /* why it does not hold; NULL: it does */
    const char *maker; /* by whom */
};

/* What an engine can do. `id` is what `create` gave, or the container's name. `limit_ms` is the call's time
 * limit; 0: the engine's usual one. */
struct engine_kind {
    /* Begins to look whether it is there, to remove what nobody knows, and to tell the hooks what happens. */
    void (*watch)(struct engine *engine);
    void (*leave)(struct engine *engine); /* NULL: there is nothing to do */
    void (*destroy)(struct engine *engine);
    void (*find_reach)(const struct engine *engine, struct engine_reach *ret_reach); /* NULL: not limited */
    void (*add_mirrors)(struct engine *engine, const char *text); /* NULL: builders are not limited */
    void (*count_networks)(const struct engine *engine, unsigned *ret_spare,
                           unsigned *ret_joined); /* NULL: none is made ahead */
    json_t *(*grants)(const struct engine *engine, const struct container_spec *spec,
                      const struct container_place *place); /* NULL: it cannot tell */
    /* Of what functions with an `egress` need; NULL: nothing is kept for them. */
    void (*hold_egress)(struct engine *engine, const char *egress);
    void (*drop_egress)(struct engine *engine, const char *egress);
    void (*collect)(struct engine *engine);
    void (*finish)(struct engine *engine, engine_done_fn *done, void *owner);
    struct engine_call *(*create)(struct engine *engine, const struct container_spec *spec,
                                  const struct container_place *place, engine_id_fn *done, void *owner);
    struct engine_call *(*start)(struct engine *engine, const char *id, engine_done_fn *done, void *owner);
    /* Asks its first process to end, and kills it after CONTAINER_STOP_S. */
    struct engine_call *(*stop)(struct engine *engine, const char *id, engine_done_fn *done, void *owner);
    /* Whatever it does at the moment. */
    struct engine_call *(*remove)(struct engine *engine, const char *id, engine_done_fn *done, void *owner);
    struct engine_call *(*rename)(struct engine *engine, const char *id, const char *name,
                                  engine_done_fn *done, void *owner);
    struct engine_call *(*set_limits)(struct engine *engine, const char *id,
                                      const struct container_limits *limits, engine_done_fn *done,
                                      void *owner);
    struct engine_call *(*inspect)(struct engine *engine, const char *id, unsigned limit_ms,
                                   engine_state_fn *done, void *owner);
    /* Done when it does not run. */
    struct engine_call *(*await_end)(struct engine *engine, const char *id, unsigned limit_ms,
                                     engine_done_fn *done, void *owner);
    void (*cancel)(struct engine_call *call);
};

/* Between SIGTERM and SIGKILL: a moment for the handler's clean-up. */
#define CONTAINER_STOP_S 10

/* What happens on it. Instances are named by their id, 12 hexadecimal digits. */
struct engine_hooks {
    /* It answers, now or again, and what happens is told from now on. */
    void (*up)(void *context);
    /* It does not answer any more: see `trouble`. Comes again when the reason changes. */
    void (*down)(void *context);
    /* The container of this instance has ended. */
    void (*died)(void *context, const char *instance);
    /* Somebody has had the engine send it a signal. */
    void (*signalled)(void *context, const char *instance);
    /* At each look at all there are, before `up`: this instance's container is `id`, has this name, and runs
     * or does not. NULL is fine. */
    void (*found)(void *context, const char *instance, const char *id, const char *name, bool runs);
    /* Whether a container of ours belongs to a living instance; those that do not are removed. */
    bool (*is_known)(void *context, const char *instance);
    void *context;
};

/* What is every engine's. What one keeps of its own begins with this. */
struct engine {
    const struct engine_kind *kind;
    struct event_base *base;
    struct engine_hooks hooks;
    struct engine_queue *queue; /* whose turn it is to ask it for something slow */
    struct budget budget;
    char **runtimes; /* the names that a container can be run with, ended by NULL; NULL: not known */
    struct error trouble; /* why it does not answer, once it did; of zeros: it does */
    uint64_t back_ms; /* when it answered again; 0: it was never away */
};

/* --- for who uses it --- */

/* Begins to look whether it is there, and to tell what happens. */
void engine_watch(struct engine *engine);

/* What runs on it is the next daemon's from now on, and so is what limits that: stays as it is, and is looked
 * after no more. After engine_watch(), or without. */
void engine_leave(struct engine *engine);

/* It does not answer: nothing can be started or removed, and what runs goes on serving. */
bool engine_is_away(const struct engine *engine);

/* It is away, or has come back so lately that it may just have ended containers: Docker does when it starts
 * without live restore. */
bool engine_was_away(const struct engine *engine, uint64_t now_ms);

void engine_find_reach(const struct engine *engine, struct engine_reach *ret_reach);

/* A builder is about to be started whose installer is told of the mirrors that a text names (host_mirrors.h):
 * builders may reach them. */
void engine_add_mirrors(struct engine *engine, const char *text);

/* Networks made ahead: how many wait, and how many a container has joined. */
void engine_count_networks(const struct engine *engine, unsigned *ret_spare, unsigned *ret_joined);

/* What a container made of these is given, read from the very request that makes it: see container_grants.h.
 * NULL: the engine cannot tell. The caller owns it. */
json_t *engine_grants(const struct engine *engine, const struct container_spec *spec,
                      const struct container_place *place);

/* What containers with this `egress` (container_spec.h) need is to be there from now on, until it is dropped
 * as often. */
void engine_hold_egress(struct engine *engine, const char *egress);
void engine_drop_egress(struct engine *engine, const char *egress);

/* All that is wanted is held: what nobody holds may go, now and from now on. */
void engine_collect(struct engine *engine);

/* No container is left and none comes: removes what was kept for them, and reports, perhaps from the function
 * itself, that it has done what it can. Not after engine_leave(). */
void engine_finish(struct engine *engine, engine_done_fn *done, void *owner);

/* Ends a call without its callback. What the engine had begun to do it may still do. NULL is fine. */
void engine_cancel(struct engine_call *call);

/* Cancels what is under way. No container may use it any more. NULL is fine. */
void engine_destroy(struct engine *engine);

/* --- for what implements it --- */

/* Fills what is every engine's, its budget excepted; `parallel` starts at a time at most. */
void engine_init(struct engine *engine, const struct engine_kind *kind, struct event_base *base,
                 unsigned parallel, const struct engine_hooks *hooks);

/* Frees what engine_init() has made, and the budget's events. */
void engine_clear(struct engine *engine);

/* It answers; it does not, and why. */
void engine_note_up(struct engine *engine);
void engine_note_down(struct engine *engine, const struct error *err);

#endif
