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

/* Deploys what `settings` say (they belong to `generation`), and replaces a deployment that is under way.
 * `inputs` is the digest of all that it depends on, or "" when that is not known: when it is that of the last
 * deployment, and that is well, only what applies at once is taken over, and the answer is false. */
bool function_deploy(struct function *function, struct generation *generation,
                     const struct function_settings *settings, const char *inputs);

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
