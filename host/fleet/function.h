/*
 * A function: a name, the revision that serves it, and the one that is to take over. A new revision is built
 * and loaded beside the old one; only then do requests go to it and the old one drains. One that fails leaves
 * the old one serving. Control thread.
 */
#ifndef FLEET_FUNCTION_H
#define FLEET_FUNCTION_H

#include "config/diagnostic.h"
#include "fleet/fleet_env.h"
#include "fleet/revision/generation.h"
#include "fleet/revision/revision.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct revision_index;
struct source_inputs;

struct function;

struct function_hooks {
    void (*routed)(struct function *function, void *owner); /* what its route should be has changed */
    void (*settled)(struct function *function,
                    void *owner); /* a deployment has come to its end, good or bad */
    void (*freed)(struct function *function, void *owner); /* a revision has gone, with its use of the disk */
    void (*gone)(struct function *function,
                 void *owner); /* removed and without revisions: destroy it now. Last call */
};

struct function *function_create(struct fleet_env *env, const char *name, const struct function_hooks *hooks,
                                 void *owner);

/* Only after `gone`. */
void function_destroy(struct function *function);

/* Whoever deploys it waits to hear whether it works: the first revision, too, is seen to load before the
 * deployment counts as through. Requests go to it meanwhile, as nothing else serves. */
void function_try_first(struct function *function);

/* Deploys what `settings` say (they belong to `generation`), and replaces a deployment that is under way.
 * When `inputs` are those of the last deployment, and that is well, or when somebody has gone back to a
 * revision and the function's own inputs are what they were then, only what applies at once is taken over,
 * and the answer is false. While nothing serves it, the revision that is kept as its last good one does, if
 * it was made from other inputs; the new one is tried beside it. */
bool function_deploy(struct function *function, struct generation *generation,
                     const struct function_settings *settings, const struct source_inputs *inputs);

/* Deploys the last good revision of a function of which the registry could not be read, for the reason
 * `why`. False: there is none that can still be had, and the function is to be removed. */
bool function_deploy_lost(struct function *function, const struct error *why);

/* Goes back to the kept revision whose digest begins with `digest`, or, where that is NULL, to the one before
 * the one that serves: it is tried beside it and takes over, and holds until the function's own files or
 * settings change. *ret_digest is its whole digest, valid until the event loop goes on. "no-rollback",
 * "revision-unknown". */
int function_rollback(struct function *function, const char *digest, const char **ret_digest,
                      struct error *err);

/* Deploys the same once more: what failed for reasons outside of it may succeed now. */
void function_redeploy(struct function *function);

/* Keeps so many instances, at least and even when idle, in the place of min_scale, until it is deployed anew
 * by a reload. At most its max_scale. */
void function_set_minimum(struct function *function, unsigned instances);

/* How many instances it keeps at least. */
unsigned function_minimum(const struct function *function);

/* Deploys the same once more, and has new instances take over though nothing else has changed. */
void function_restart(struct function *function);

/* Takes its route away and drains it; `gone` follows, from within this call when there is nothing to drain.
 * Once. */
void function_remove(struct function *function, const char *why);

/* Counts a request that has ended, at the wall clock's `now_ms`, for the revision whose digest begins with
 * these 12 digits. */
void function_count_request(struct function *function, uint64_t revision, bool failed, uint64_t now_ms);

/* Writes what has been counted since the last time, if anything has. Forgets revisions beyond the host's
 * limit. */
bool function_save_kept(struct function *function);
void function_trim_kept(struct function *function);

/* The revisions that have served, the newest first, or NULL: none has. */
const struct revision_index *function_kept(const struct function *function);

/* The revision that somebody has gone back to and that holds, or NULL. */
const char *function_held(const struct function *function);

/* Whether an older revision serves than the newest deployment would be, because that has failed. */
bool function_serves_last_good(const struct function *function);

const char *function_name(const struct function *function);

/* Whether it has been deployed from this reading of its source. */
bool function_is_of(const struct function *function, const struct generation *generation);

bool function_is_removed(const struct function *function);
bool function_is_settled(const struct function *function);

/* The revision that requests go to (it may still be preparing), or NULL: it cannot serve, see
 * function_problem(). */
struct revision *function_current(const struct function *function);

/* The revision that takes over once it has loaded, or NULL. */
struct revision *function_next(const struct function *function);

/* Why the newest deployment failed; NULL: it did not. */
const struct kept_error *function_problem(const struct function *function);

/* What the installation of dependencies or the image build of the newest deployment wrote, when that failed;
 * else NULL. */
const char *function_build_output(const struct function *function);

const struct diagnostics *function_diagnostics(const struct function *function);

/* The last decisions of the autoscaler, of whichever revision. */
const struct scale_history *function_scale_history(const struct function *function);

/* The instance that was lost last, of whichever revision. */
const struct failure *function_last_failure(const struct function *function);

/* What its revisions and instances have come to. */
const struct function_counts *function_counts_of(const struct function *function);

/* What its instances write. */
const struct function_output *function_output_of(const struct function *function);

/* The settings of the newest deployment. */
const struct function_settings *function_latest_settings(const struct function *function);

/* The newest that have no mistake, which those that apply at once are taken from. */
const struct function_settings *function_applied_settings(const struct function *function);

/* Calls visit for every revision that still has instances or may get some. */
void function_each_revision(struct function *function,
                            void (*visit)(struct revision *revision, void *context), void *context);

/* Calls visit for every instance of every revision; visit must not end one. */
void function_each_instance(struct function *function,
                            void (*visit)(struct instance *instance, void *context), void *context);

#endif
