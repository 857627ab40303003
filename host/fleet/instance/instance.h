/*
 * An instance: one container that serves one revision, the link to its runner, and its slots.
 * instance_state.h has its states. Control thread.
 *
 * Whatever happens, and in whichever order (the container dies while it is being removed, a runner connects
 * late, a call to the engine fails), every instance ends with exactly one hooks.gone, and hooks.failed comes
 * at most once, before it.
 */
#ifndef FLEET_INSTANCE_INSTANCE_H
#define FLEET_INSTANCE_INSTANCE_H

#include "base/error.h"
#include "fleet/engine/engine.h"
#include "fleet/fleet_env.h"
#include "fleet/instance/instance_record.h"
#include "fleet/instance/instance_state.h"
#include "fleet/instance/instance_times.h"
#include "fleet/output/function_output.h"
#include "routing/slot_pool.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVISION_DIGITS 12 /* of a revision's digest, that it is shown with */

struct instance;

/* What function to load. Borrowed during the call that takes it. */
struct instance_load {
    const char *function; /* name, for the container's name and logs */
    struct function_output *output; /* where what it writes goes; outlives the instance */
    const char *revision; /* its digest; NULL: not known */
    struct slot_pool *pool; /* referenced by the instance until its group is retired */
    const json_t *settings; /* the init settings without `instance`, which is added, and without secrets */
    const struct secret_use *secrets; /* whose values it is given as files and variables */
    size_t secret_count;
    unsigned concurrency; /* slots, from 1 */
    unsigned timeout_ms; /* that a request may take */
    unsigned start_timeout_ms; /* from the container's start to the loaded function; 0: the host's */
    uint64_t
        memory_bytes; /* limits that the function asks for; applied when they differ from the container's */
    double cpus;
    unsigned pids;
};

/* What its container has used, when it was looked at last. */
struct instance_resources {
    uint64_t cpu_ns; /* since its start */
    uint64_t memory_bytes; /* the working set; 0: it is being removed, or not known */
    uint64_t looked_ms; /* clock_ms(); 0: never */
    double cores; /* on average since the look before, or its start */
};

struct instance_hooks {
    bool (*wanted)(struct instance *instance,
                   void *owner); /* asked when its turn to start comes; false: it goes. NULL: yes */
    void (*prewarmed)(struct instance *instance, void *owner); /* only when started without a load */
    void (*ready)(struct instance *instance, void *owner);
    void (*failed)(struct instance *instance, const struct error *cause, void *owner);
    void (*gone)(struct instance *instance, void *owner);
};

/* Starts a container, from a spec that is copied; with `load` its function is loaded as soon as the runner
 * dials. Reports everything through hooks, from the event loop, never from within this call. The instance
 * belongs to itself and frees itself after hooks.gone. */
struct instance *instance_start(struct fleet_env *env, const struct container_spec *spec,
                                const struct instance_load *load, const struct instance_hooks *hooks,
                                struct engine_account *account, void *owner);

/* Descriptors of an instance that the next daemon can go on with, so that nobody has to dial anew; -1: that
 * one makes what it needs. What the instance writes is in pipes that both can open. */
struct instance_handles {
    int dial; /* listens for its runner */
    int door; /* listens for its function; with the line only */
    int line; /* doorway_line() */
    int doorway; /* else: doorway_call(), in the place of these two */
};

void instance_handles_close(struct instance_handles *handles);

/* An instance that an earlier daemon has started. */
struct instance_past {
    struct instance_record record;
    struct instance_handles handles; /* owned by this */
    char *name; /* its container's; NULL: not known */
    bool is_there, runs; /* its container, as the engine sees it */
    bool counts; /* in the engine's budget: there was room for it */
};

void instance_past_free(struct instance_past *past);

/* Goes on with an instance of which the engine says that it runs; `past` is taken over. With `load` it is
 * ready at once, as its record says that it has this function: its runner, which may be at work on a request
 * that ended with the daemon before, has the function's `timeout` to dial again. Without, it becomes
 * prewarmed when its runner dials. `spec` is what it was started from; the rest is as with instance_start(),
 * but that hooks.ready does not come. */
struct instance *instance_adopt(struct fleet_env *env, struct instance_past *past,
                                const struct container_spec *spec, const struct instance_load *load,
                                const struct instance_hooks *hooks, void *owner);

/* Removes what is left of one that nobody can use, for the reason `why`; hooks.gone follows. */
struct instance *instance_discard(struct fleet_env *env, struct instance_past *past,
                                  const struct instance_hooks *hooks, void *owner, const char *why);

/* Leaves a ready or prewarmed instance to the next daemon, with its record: hooks.gone follows. Slots that
 * are busy are the gateway's until their requests end. One in another state is retired. */
void instance_release(struct instance *instance, uint64_t drain_ms);

/* Descriptors for the next daemon, borrowed; -1: there is none. */
void instance_handles_of(const struct instance *instance, struct instance_handles *ret_handles);

/* Whether an earlier daemon has started it. */
bool instance_was_adopted(const struct instance *instance);

/* Where an instance that was started without a load, and is prewarmed or on its way, finds its function's
 * code: to be filled before instance_load(), and gone with the instance. The container cannot write there. */
const char *instance_code_dir(const struct instance *instance);

/* Such an instance is about to get a function's code and secrets: no other daemon gives it to another. Before
 * either is put in place. */
void instance_reserve(struct instance *instance);

/* Gives such an instance the files of its function's secrets, before instance_load(). "secret-missing": one
 * of all that the function has cannot be had. */
int instance_fill_secrets(struct instance *instance, const struct secret_use *secrets, size_t count,
                          struct error *err);

/* Gives an instance that was started without a load its function: a prewarmed one loads it at once, one that
 * is on its way when its runner dials. `hooks` and `owner` replace those it had. */
void instance_load(struct instance *instance, const struct instance_load *load,
                   const struct instance_hooks *hooks, void *owner);

/* Removes it when that cuts no request off: at once when it is ready and wholly idle. False, and nothing
 * happens, when a request is under way or it is not ready. `why` goes to the log. */
bool instance_retire_if_idle(struct instance *instance, const char *why);

enum instance_expiry {
    EXPIRY_GONE, /* it is being removed */
    EXPIRY_ASKED, /* its runner is asked whether it still works, and it goes if not */
    EXPIRY_STAYS /* its runner still works, or a request has just come */
};

/* How long after an answer of the runner it is asked again, in milliseconds. */
#define INSTANCE_WORK_MS 500

/* Removes a ready instance that has been idle since `idle_since_ms` for long enough, unless its runner still
 * works on what has been answered (a background task, a thread): that is waited for until the function's
 * `timeout` after the last answer. To be called again after INSTANCE_WORK_MS unless it is gone;
 * `idle_since_ms` does not count while the runner is being asked. */
enum instance_expiry instance_expire(struct instance *instance, uint64_t idle_since_ms, uint64_t now_ms);

/* Whether the runner is being asked, which keeps a slot busy. */
bool instance_is_asked(const struct instance *instance);

/* Whether the runner has said so when it was asked last. */
bool instance_works(const struct instance *instance);

/* Takes no new request, and is removed when those under way are finished or `drain_ms` have passed: at once
 * when there are none. In any state; when it drains already it gets at most as long. */
void instance_retire(struct instance *instance, const char *why, uint64_t drain_ms);

/* Its pool's hook `drained` has come. */
void instance_drained(struct instance *instance);

/* How long one without a function may take from its container's start until it is prewarmed, instead of what
 * the host says. Before its turn to start has come. */
void instance_set_start_timeout(struct instance *instance, unsigned start_timeout_ms);

/* How long a request may take from now on; what the function was told at its start stays. */
void instance_set_timeout(struct instance *instance, unsigned timeout_ms);

/* Its pool's hook `lost` has come. */
void instance_slot_lost(struct instance *instance, enum slot_fate fate);

/* The engine says that the container has ended; that somebody has had it sent a signal. Nothing while it is
 * being created: Berth has started none yet. */
void instance_container_died(struct instance *instance);
void instance_container_signalled(struct instance *instance);

/* Asks the engine whether the container still runs, after its events may have been missed. */
void instance_verify(struct instance *instance);

uint64_t instance_id(const struct instance *instance);
const char *instance_name(const struct instance *instance); /* the id as 12 hexadecimal digits */
enum instance_state instance_current_state(const struct instance *instance);

/* Whether the engine is starting it already and no function has been given to it. Never of one that loads
 * libraries ahead: whether it may be given one is known when it has. */
bool instance_is_on_its_way(const struct instance *instance);

/* What a start that is not over yet has come to, for people, and since when its function has been asked for.
 * Static text. */
const char *instance_start_phase(const struct instance *instance, uint64_t *ret_since_ms);

/* Looks again unless that was within the last second. */
const struct instance_resources *instance_look_at_resources(struct instance *instance);

const struct instance_times *instance_phase_times(const struct instance *instance);

/* Whether it was started without a load, and has got its function later. */
bool instance_was_prewarmed(const struct instance *instance);

/* How long it has been able to serve, or was; 0: never ready. At least 1 when it was. */
uint64_t instance_served_ms(const struct instance *instance);

/* How long a ready instance's runner is given to open the rest of its slots, and, when its last connection
 * has gone, to dial again, in milliseconds. After that its slots are those that it has, and without any it is
 * lost. When the host has closed a connection the runner may be at work on a request that its client has
 * given up: it has the function's `timeout` to dial again. */
#define INSTANCE_DIAL_MS 1000

/* What its runner has told of the modules that it has loaded, as docs/runner-protocol.md has it: in a
 * prewarmed one those loaded ahead, with the effects that were found; in a ready one those of its load, if
 * the settings asked for that. NULL: nothing. The instance's. */
const json_t *instance_module_report(const struct instance *instance);

/* The traceback that its runner gave when the function could not be loaded; NULL: none. */
const char *instance_traceback(const struct instance *instance);

/* The last lines that it wrote; NULL: none. The caller frees it. */
char *instance_last_output(const struct instance *instance);

/* Slots it has, those busy, and since when none was busy (0: one is); zeros when it is not ready. */
void instance_usage(const struct instance *instance, unsigned *ret_slots, unsigned *ret_busy,
                    uint64_t *ret_idle_since_ms);

#endif
