/*
 * A revision: one immutable build of a function, its slot pool, its instances, and how many of these there
 * should be. Control thread.
 *
 *   preparing ──► standby ──activate──► active ──retire──► retired ──► (no instance left) hooks.empty
 *       │            │                                        ▲
 *       ▼            └───────────────retire───────────────────┤
 *     broken ─────────────────────────retire──────────────────┘
 *
 * In standby it starts one instance to see that the function loads, without being routed to. The pool is
 * there from the first moment, so that requests can wait in it while the very first revision is prepared.
 * That one may be seen to load while it is routed to: nothing serves in its place.
 */
#ifndef FLEET_REVISION_REVISION_H
#define FLEET_REVISION_REVISION_H

#include "config/diagnostic.h"
#include "fleet/engine/engine_queue.h"
#include "fleet/fleet_env.h"
#include "fleet/instance/failure.h"
#include "fleet/instance/instance.h"
#include "fleet/revision/function_counts.h"
#include "fleet/revision/generation.h"
#include "fleet/revision/preparation.h"
#include "fleet/scale/module_profile.h"
#include "fleet/scale/scale_history.h"
#include "fleet/scale/warm_plan.h"
#include "prepare/store/cold_starts.h"

enum revision_state {
    REVISION_PREPARING, /* being built */
    REVISION_BROKEN, /* cannot be built */
    REVISION_STANDBY, /* built, loads on trial */
    REVISION_ACTIVE, /* scales with its load */
    REVISION_RETIRED, /* its instances drain */
};

struct revision;

/* What a function keeps for its revisions; outlives them. Made and cleared by its owner. */
struct scale_state {
    struct engine_account account; /* whose turn their starts take */
    struct scale_history history;
    struct cold_starts cold_starts; /* kept by the function, as when it was deployed last; 0: not known */
    uint64_t deployed_ms;
    struct function_output *output;
    struct failure last_failure; /* of an instance, ready or not */
    bool has_minimum; /* somebody has set it by hand: it holds in the place of min_scale */
    unsigned minimum;
    struct function_counts counts;
};

struct revision_hooks {
    /* Built: state is standby, nothing is started yet. `diagnostics` may be moved from. */
    void (*prepared)(struct revision *revision, struct diagnostics *diagnostics, void *owner);
    /* Cannot be built: state is broken. `diagnostics` may be moved from; `output` is what the installation or
     * image build wrote that failed, or NULL. */
    void (*broken)(struct revision *revision, const struct error *err, struct diagnostics *diagnostics,
                   const char *output, void *owner);
    /* Active: an instance of it has loaded, for the first time. */
    void (*proven)(struct revision *revision, void *owner);
    /* What it imports of libraries has become known, or better known: revision_modules_to_keep(). */
    void (*modules_known)(struct revision *revision, void *owner);
    /* In standby: its first instance is ready, or failed to load; the latter also after revision_prove(). */
    void (*loaded)(struct revision *revision, void *owner);
    void (*load_failed)(struct revision *revision, const struct error *cause, void *owner);
    /* Its image is not there any more, or its package was changed: it must be prepared again. */
    void (*stale)(struct revision *revision, void *owner);
    /* Retired and without instances; the owner destroys it now. Last call. */
    void (*empty)(struct revision *revision, void *owner);
};

/* Makes a revision and begins to prepare it, from `inputs` (preparation_start()). `settings` belongs to
 * `generation`, which is referenced. `before` is the one that will be replaced, or NULL. Hooks come from the
 * event loop. */
struct revision *revision_create(struct fleet_env *env, struct generation *generation,
                                 const struct function_settings *settings, const char *inputs,
                                 struct scale_state *shared, const struct revision *before,
                                 const struct revision_hooks *hooks, void *owner);

/* Makes one of what was kept, of which parts are taken over: it is the same as it was then. The rest is as
 * with revision_create(). */
struct revision *revision_restore(struct fleet_env *env, struct generation *generation,
                                  const struct function_settings *settings, struct revision_record *record,
                                  struct scale_state *shared, const struct revision_hooks *hooks,
                                  void *owner);

/* Only a retired one without instances. */
void revision_destroy(struct revision *revision);

/* In standby: starts one instance on trial, as soon as the host has room for it; `loaded` or `load_failed`
 * follows, the latter from within this call when there never will be, and the former when an earlier daemon
 * has left an instance of it. */
void revision_try(struct revision *revision);

/* From standby on: scales with its load. */
void revision_activate(struct revision *revision);

/* Active, and no instance of it has loaded yet: it wants one at least until that is known, whether or not a
 * request waits. `proven` or `load_failed` follows, the latter from within this call when there never will be
 * one. Whatever comes of it, it scales with its load. */
void revision_prove(struct revision *revision);

/* Keeps an instance for so long although it is idle, or until its first request has come. It is given up
 * where the host needs room. */
void revision_keep_one(struct revision *revision, uint64_t ms);

/* For how many milliseconds more. 0: none is kept. */
uint64_t revision_keeps_one_ms(const struct revision *revision);

/* Drains and removes everything; `empty` follows, from the event loop. In any state, once. */
void revision_retire(struct revision *revision, const char *why);

/* Takes over the settings that apply at once, for the instances that it has too. */
void revision_apply(struct revision *revision, struct generation *generation,
                    const struct function_settings *settings);

/* Scales by the minimum in its scale_state, which has changed. */
void revision_take_minimum(struct revision *revision);

/* The registry has been read again and says the same: lets go of the one it was made from, and forgets
 * failures. */
void revision_renew(struct revision *revision, struct generation *generation,
                    const struct function_settings *settings, const char *inputs);

/* A later deployment has turned out to be the same: the same, as that one was made. */
void revision_renew_as(struct revision *revision, const struct revision *same);

/* Whether nothing can be started from it as it is: its package was changed on the disk, or its image is not
 * there any more. */
bool revision_is_stale(const struct revision *revision);

/* It is stale, and cannot be made anew: whoever waits is told so; a later request tries again. */
void revision_rebuild_failed(struct revision *revision, const struct error *err);

/* The engine is back: what it failed to do is tried again at once. */
void revision_resume(struct revision *revision);

/* How many instances it wants that the host has no room for. */
unsigned revision_denied(const struct revision *revision);

/* The instance that it can do without best, when the host needs room: idle for longest, and not needed for
 * its minimum. NULL: none. *ret_idle_since_ms is when it fell idle. */
struct instance *revision_spare(const struct revision *revision, uint64_t *ret_idle_since_ms);

/* Since when its trial has waited for room, on the clock of clock_ms(); 0: it does not. */
uint64_t revision_trial_waits_since(const struct revision *revision);

/* Gives up an instance so that the revision that is to replace this one finds room: an idle one, else, when
 * `drain` says so, one that finishes its requests first. False when there is none to be had now. */
bool revision_cede(struct revision *revision, bool drain);

/* Decides anew whether to start instances: after its load or the host's room has changed. */
void revision_scale(struct revision *revision);

enum revision_state revision_current_state(const struct revision *revision);
const char *revision_state_name(enum revision_state state);
const struct function_settings *revision_settings(const struct revision *revision);
const char *revision_inputs(const struct revision *revision); /* what it was made from; "": not known */
bool revision_is_proven(const struct revision *revision); /* an instance of it has loaded */

/* Whether it was made of what was kept, and the digest that it was kept with, or NULL. */
bool revision_is_restored(const struct revision *revision);
const char *revision_restored_from(const struct revision *revision);

const struct prepared *revision_prepared(const struct revision *revision); /* empty before standby */
struct slot_pool *revision_pool(const struct revision *revision);

/* What it imports of libraries, to be kept: null for nothing, NULL when it is not known; the caller gives it
 * back. And as it was kept, from standby on: what is none says nothing. */
json_t *revision_modules_to_keep(const struct revision *revision);
void revision_take_modules(struct revision *revision, const json_t *kept);

/* What it imports of libraries; NULL: nothing, or it is not known. The revision's. */
const struct module_profile *revision_modules(const struct revision *revision);

/* What decides how many prewarmed instances with these are kept for it has changed. */
void revision_look_at_warmth(struct revision *revision);

/* Why its libraries are not loaded ahead any more; NULL: they are, or it has none. The revision's. */
const char *revision_libraries_problem(const struct revision *revision);

/* What is kept of prewarmed instances with its libraries, as planned last; NULL: it has none, or nothing is
 * planned yet. And how many of them wait. */
const struct warm_share *revision_warm_share(const struct revision *revision);
unsigned revision_warm_ready(const struct revision *revision);

/* The last error of a start or build; NULL: none. */
const struct kept_error *revision_problem(const struct revision *revision);

/* Calls visit for each of its instances; visit must not end one. */
void revision_each_instance(struct revision *revision,
                            void (*visit)(struct instance *instance, void *context), void *context);

/* The instance with this id, or NULL. */
struct instance *revision_find_instance(const struct revision *revision, uint64_t id);

/* What its containers are given: {"own": of one that is started for it, "prewarmed": of one that was started
 * before it was known, or null where it is given none}, each as instance_grants() has it, with the limits
 * that it has once it serves. NULL: it is not built, or the engine cannot tell. The caller owns it. */
json_t *revision_grants(struct revision *revision);

#endif
