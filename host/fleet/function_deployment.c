#include "fleet/function_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "routing/slot_wait.h"

#include <stdlib.h>
#include <string.h>

#define SHORT_DIGITS 12 /* of a digest, in a log */

static const struct revision_hooks revision_hooks;

static void settle(struct function *function)
{
    if (function->settled)
        return;
    function->settled = true;
    function->restarting = false;
    function->hooks.settled(function, function->owner);
    if (function->stale && !function->removed)
        function_redeploy(function);
}

static void retire(struct function *function, struct revision *revision, const char *why)
{
    function->retiring = xgrow(function->retiring, function->retiring_count, sizeof(struct revision *));
    function->retiring[function->retiring_count++] = revision;
    if (revision == function->newest)
        function->newest = NULL;
    revision_retire(revision, why);
}

/* --- what becomes of its revisions --- */

/* Requests go to the newest deployment, or wait for it: if that is a revision that was gone back to, it holds
 * from now on. */
static void take_hold(struct function *function)
{
    if (!function->rollback)
        return;
    cleanup_free char *digest = steal(&function->rollback);
    function_hold(function, revision_prepared(function->current)->digest);
    function_save_kept(function);
    log_info("rollback.done", LOG_STR("function", function->name),
             LOG_BYTES("revision", digest, SHORT_DIGITS));
}

/* Of one that an earlier daemon has left instances of it is known that it loads. */
static void activate_current(struct function *function)
{
    revision_activate(function->current);
    if (revision_is_proven(function->current))
        function_note_live(function);
}

/* The new revision has loaded: requests go to it from now on. */
static void take_over(struct function *function)
{
    struct revision *old = function->current;
    function->current = function->next;
    function->next = NULL;
    if (old)
        slot_pool_replace(revision_pool(old), revision_pool(function->current));
    function->hooks.routed(function, function->owner);
    function_keep_trial(function, old);
    activate_current(function);
    if (old)
        retire(function, old, "replaced");
    take_hold(function);
}

/* Requests go to the newest deployment, which is at its end unless it has to be seen to load. */
static void conclude(struct function *function)
{
    if (function->is_tried && !revision_is_proven(function->current))
        revision_prove(function->current);
    else
        settle(function);
}

static bool is_same(const struct revision *a, const struct revision *b)
{
    return strcmp(revision_prepared(a)->digest, revision_prepared(b)->digest) == 0;
}

/* What was to replace the current revision is what that is. */
static void drop_unchanged(struct function *function)
{
    struct revision *next = function->next;
    function->next = NULL;
    revision_renew_as(function->current, next);
    function_note_inputs(function);
    retire(function, next, "unchanged");
    take_hold(function);
    settle(function);
}

/* Instances of the current revision can be started from now on. */
static void open_current(struct function *function, bool newest)
{
    struct revision *next = function->next;
    activate_current(function);
    if (newest) {
        take_hold(function);
        conclude(function);
    } else if (next && revision_current_state(next) == REVISION_STANDBY && is_same(next, function->current)) {
        drop_unchanged(function);
    }
}

/* What never served is nothing to protect; what is restored did. */
static bool is_to_be_protected(const struct function *function)
{
    const struct revision *current = function->current;
    bool is_known_not_to_serve = revision_current_state(current) == REVISION_PREPARING ||
                                 (function->is_tried && !revision_is_proven(current));
    return !is_known_not_to_serve || revision_is_restored(current);
}

static void log_mended(const struct function *function)
{
    log_info("function.mended", LOG_STR("function", function->name));
}

static void on_prepared(struct revision *revision, struct diagnostics *diagnostics, void *owner)
{
    struct function *function = owner;
    bool newest = revision == function->newest, had_problem = function->problem != NULL;
    function_recall_modules(function, revision);
    if (newest && !function->lost) {
        error_replace(&function->problem, NULL);
        function_take_diagnostics(function, diagnostics);
        function_keep_build_output(function, NULL);
    }
    if (revision == function->current) {
        open_current(function, newest);
    } else if (!is_to_be_protected(function)) {
        take_over(function);
        conclude(function);
    } else if (is_same(revision, function->current) && !function->restarting) {
        if (had_problem && !function->problem)
            log_mended(function);
        drop_unchanged(function);
    } else {
        revision_try(revision);
    }
}

/* The routed revision cannot serve: one that did is routed instead, or the next one, if there is one, and
 * gets those who wait. */
static void replace_current(struct function *function)
{
    struct revision *old = function->current, *good = function_restore_newest(function, &revision_hooks);
    function->current = good ? good : function->next;
    if (!good)
        function->next = NULL;
    if (function->current)
        slot_pool_replace(revision_pool(old), revision_pool(function->current));
    if (!good && function->current && revision_current_state(function->current) == REVISION_STANDBY) {
        revision_activate(function->current);
        revision_prove(function->current); /* its trial goes on */
    }
}

/* What was kept of a revision cannot be had any more. One that was gone back to holds no longer, and one that
 * was to be is forgotten. */
static void forget_kept(struct function *function, const struct revision *revision, const struct error *err)
{
    const char *digest = function_wanted_kept(function);
    function_note_gone(function, revision_restored_from(revision), err);
    if (revision != function->newest)
        return;
    if (!function->rollback && digest && !function->lost) {
        function_release(function, "what was kept of it is gone");
        function->stale = true;
    }
    free(steal(&function->rollback));
}

/* The newest deployment has failed, and the revision that serves may have nothing to start instances from any
 * more: what is kept of it or of an older one has. Else those who wait are told. */
static void rescue(struct function *function)
{
    if (!function->current || !revision_is_stale(function->current))
        return;
    function->next = function_restore_newest(function, &revision_hooks);
    if (function->next)
        return;
    struct error err;
    error_recall(function->problem, &err);
    revision_rebuild_failed(function->current, &err);
}

static void on_broken(struct revision *revision, const struct error *err, struct diagnostics *diagnostics,
                      const char *output, void *owner)
{
    struct function *function = owner;
    bool newest = revision == function->newest, routed = revision == function->current;
    if (revision_is_restored(revision))
        forget_kept(function, revision, err);
    if (newest) {
        function_take_diagnostics(function, diagnostics);
        function_keep_build_output(function, output);
    }
    if (!routed)
        function->next = NULL;
    else
        replace_current(function);
    if (newest || !function->problem)
        function_note_problem(function, err);
    if (routed)
        function->hooks.routed(function, function->owner);
    else
        rescue(function);
    retire(function, revision, "broken");
    if (newest)
        settle(function);
}

static void on_proven(struct revision *revision, void *owner)
{
    struct function *function = owner;
    if (revision != function->current)
        return;
    function_note_live(function);
    if (revision != function->newest)
        return;
    if (function->problem) {
        error_replace(&function->problem, NULL);
        function->changed = false;
        log_mended(function);
    }
    settle(function);
}

static void on_modules_known(struct revision *revision, void *owner)
{
    function_note_modules(owner, revision);
}

static void on_loaded(struct revision *revision, void *owner)
{
    (void)revision;
    struct function *function = owner;
    take_over(function);
    settle(function);
}

/* What requests go to stays, since nothing can take its place: the next request has it start again. */
static void note_unproven(struct function *function, const struct error *cause)
{
    if (function->current != function->newest)
        return;
    function_note_problem(function, cause);
    settle(function);
}

static void on_load_failed(struct revision *revision, const struct error *cause, void *owner)
{
    struct function *function = owner;
    bool newest = revision == function->newest;
    if (revision == function->current) {
        note_unproven(function, cause);
        return;
    }
    function->next = NULL;
    free(steal(&function->rollback));
    if (newest)
        function_note_problem(function, cause);
    else
        function_note_gone(function, revision_restored_from(revision), cause);
    rescue(function);
    retire(function, revision, "failed to load");
    if (newest)
        settle(function);
}

/* A deployment that waits for this one to load waits in vain. */
static void on_stale(struct revision *revision, void *owner)
{
    struct function *function = owner;
    function->stale = true;
    function->changed = true;
    if ((function->settled || revision == function->newest) && !function->removed)
        function_redeploy(function);
}

static void on_empty(struct revision *revision, void *owner)
{
    struct function *function = owner;
    for (size_t i = 0; i < function->retiring_count; i++) {
        if (function->retiring[i] == revision) {
            function->retiring[i] = function->retiring[--function->retiring_count];
            break;
        }
    }
    revision_destroy(revision);
    function->hooks.freed(function, function->owner);
    if (function->removed && function->retiring_count == 0)
        function->hooks.gone(function, function->owner);
}

static const struct revision_hooks revision_hooks = {
    .prepared = on_prepared,
    .broken = on_broken,
    .proven = on_proven,
    .modules_known = on_modules_known,
    .loaded = on_loaded,
    .load_failed = on_load_failed,
    .stale = on_stale,
    .empty = on_empty,
};

/* --- what is to be deployed --- */

/* What applies at once does not wait for a revision, and holds whatever becomes of it. */
static void apply(struct function *function, struct generation *generation,
                  const struct function_settings *settings)
{
    generation_ref(generation);
    generation_unref(function->applied_generation);
    function->applied_generation = generation;
    function->applied = settings;
    if (function->current)
        revision_apply(function->current, generation, settings);
    function_note_applied(function);
    function->hooks.routed(function, function->owner);
}

/* The registry has been read again, and says nothing else of what is deployed or on its way. */
static void renew(struct function *function)
{
    struct revision *revision = function->next ? function->next : function->current;
    function_collect_diagnostics(function);
    revision_renew(revision, function->generation, function->settings, function->inputs.all);
    function_note_inputs(function);
    if (function->next)
        revision_apply(function->next, function->generation, function->settings);
}

/* A kept revision, when one is wanted and can be had, else what the registry says; NULL: that is not known.
 */
static struct revision *create(struct function *function)
{
    for (const char *digest; (digest = function_wanted_kept(function));) {
        struct error err;
        struct revision *revision = function_restore(function, digest, &revision_hooks, &err);
        if (revision)
            return revision;
        function_note_gone(function, digest, &err);
        free(steal(&function->rollback));
        function_release(function, "what was kept of it is gone");
    }
    if (function->lost)
        return NULL;
    return revision_create(function->env, function->generation, function->settings, function->inputs.all,
                           &function->scale, function->current, &revision_hooks, function);
}

static void route_first(struct function *function, struct revision *revision)
{
    function->current = revision; /* requests may wait in its pool while it is prepared */
    function->hooks.routed(function, function->owner);
}

static void deploy(struct function *function)
{
    struct revision *revision = create(function);
    function->newest = revision;
    if (!revision)
        settle(function);
    else if (function->current)
        function->next = revision;
    else
        route_first(function, revision);
}

static void drop_next(struct function *function, const char *why)
{
    if (function->next)
        retire(function, function->next, why);
    function->next = NULL;
}

static void begin_deployment(struct function *function)
{
    function->settled = false;
    function->stale = false;
    function->changed = false;
    diagnostics_clear(&function->findings);
    function_collect_diagnostics(function);
    drop_next(function, "superseded");
}

/* Of dependencies nobody but their store knows whether they are what they were: a preparation asks it, which
 * costs no job as long as they are. */
static bool stands_alone(const struct function *function)
{
    return !function->settled || !function->current || !revision_prepared(function->current)->dependency_key;
}

/* Whether somebody has gone back to a revision, or is about to, and the function is what it was then. */
static bool holds(const struct function *function, const struct source_inputs *inputs)
{
    const struct revision_index *kept = function->kept;
    if (!kept || (!*kept->held && !function->rollback))
        return false;
    const char *own = function->rollback ? function->inputs.own : kept->held_own;
    return *inputs->own && strcmp(inputs->own, own) == 0;
}

/* It has changed since somebody went back to a revision. */
static void end_rollback(struct function *function)
{
    free(steal(&function->rollback));
    function_release(function, "the function has changed");
}

static void reject(struct function *function)
{
    free(steal(&function->rollback));
    function->newest = NULL;
    function_log_diagnostics(function);
    function_reject(function);
    rescue(function);
    function->hooks.routed(function, function->owner);
    settle(function);
}

/* While nothing serves: the revision that did last does until the new one is seen to load, or for as long as
 * there is none. */
static void route_last_good(struct function *function)
{
    struct revision *good =
        function_is_kept_otherwise(function) ? function_restore_newest(function, &revision_hooks) : NULL;
    if (good)
        route_first(function, good);
}

static void take(struct function *function, struct generation *generation,
                 const struct function_settings *settings, const struct source_inputs *inputs)
{
    generation_ref(generation);
    generation_unref(function->generation);
    function->generation = generation;
    function->settings = settings;
    function->inputs = *inputs;
    if (!settings->broken)
        apply(function, generation, settings);
}

static bool deploy_from(struct function *function, struct generation *generation,
                        const struct function_settings *settings, const struct source_inputs *inputs)
{
    bool same = !function->changed && *inputs->all && strcmp(inputs->all, function->inputs.all) == 0 &&
                stands_alone(function);
    bool held = holds(function, inputs);
    take(function, generation, settings, inputs);
    if (held && function->current && !function->changed && !settings->broken) {
        function_collect_diagnostics(function);
        return false;
    }
    if (same && !settings->broken) {
        renew(function);
        return false;
    }
    begin_deployment(function);
    if (!held && !settings->broken && !function->lost)
        end_rollback(function);
    if (!function->current && !held && !function->lost)
        route_last_good(function);
    if (settings->broken)
        reject(function);
    else
        deploy(function);
    return true;
}

void function_try_first(struct function *function)
{
    function->is_tried = true;
}

bool function_deploy(struct function *function, struct generation *generation,
                     const struct function_settings *settings, const struct source_inputs *inputs)
{
    function->scale.has_minimum = false;
    function->lost = false;
    function_retry_kept(function);
    return deploy_from(function, generation, settings, inputs);
}

void function_redeploy(struct function *function)
{
    const struct source_inputs inputs = function->inputs;
    function->changed = true;
    deploy_from(function, function->generation, function->settings, &inputs);
}

bool function_deploy_lost(struct function *function, const struct error *why)
{
    struct revision *good = function_restore_newest(function, &revision_hooks);
    if (!good)
        return false;
    function->lost = true;
    function->generation = generation_ref(function->applied_generation);
    function->settings = function->applied;
    route_first(function, good);
    function_note_problem(function, why);
    settle(function);
    return true;
}

int function_rollback(struct function *function, const char *digest, const char **ret_digest,
                      struct error *err)
{
    const struct kept_revision *item = function_find_rollback(function, digest, err);
    if (!item)
        return -1;
    begin_deployment(function);
    free(function->rollback);
    function->rollback = xstrdup(item->digest);
    log_info("rollback.begun", LOG_STR("function", function->name),
             LOG_BYTES("revision", item->digest, SHORT_DIGITS));
    *ret_digest = item->digest;
    deploy(function);
    return 0;
}

void function_restart(struct function *function)
{
    function->restarting = true;
    function_redeploy(function);
}

void function_remove(struct function *function, const char *why)
{
    function->removed = true;
    drop_next(function, why);
    struct revision *current = function->current;
    function->current = NULL;
    function->hooks.routed(function, function->owner);
    if (current) {
        struct error err;
        error_set(&err, ERROR_REMOVED, "the function \"%s\" has been removed", function->name);
        slot_pool_close(revision_pool(current), &err);
        retire(function, current, why);
    }
    if (function->retiring_count == 0)
        function->hooks.gone(function, function->owner);
}
