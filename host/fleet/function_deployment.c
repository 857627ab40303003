#include "fleet/function_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "routing/slot_wait.h"

#include <stdio.h>
#include <string.h>

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

/* The new revision has loaded: requests go to it from now on. */
static void take_over(struct function *function)
{
    struct revision *old = function->current;
    function->current = function->next;
    function->next = NULL;
    if (old)
        slot_pool_replace(revision_pool(old), revision_pool(function->current));
    function->hooks.routed(function, function->owner);
    revision_activate(function->current);
    if (old)
        retire(function, old, "replaced");
}

static bool is_same(const struct revision *a, const struct revision *b)
{
    return strcmp(revision_prepared(a)->digest, revision_prepared(b)->digest) == 0;
}

static void on_prepared(struct revision *revision, struct diagnostics *diagnostics, void *owner)
{
    struct function *function = owner;
    bool newest = revision == function->newest, had_problem = function->problem != NULL;
    if (newest) {
        error_replace(&function->problem, NULL);
        function_take_diagnostics(function, diagnostics);
        function_keep_build_output(function, NULL);
    }
    if (revision == function->current) {
        revision_activate(revision);
        if (newest)
            settle(function);
    } else if (is_same(revision, function->current) && !function->restarting) {
        function->next = NULL;
        retire(function, revision, "unchanged");
        if (had_problem && !function->problem)
            log_info("function.mended", LOG_STR("function", function->name));
        revision_renew(function->current, function->generation, function->settings);
        settle(function);
    } else if (revision_current_state(function->current) == REVISION_PREPARING) {
        take_over(function); /* the old one never served: there is nothing to protect */
        settle(function);
    } else {
        revision_try(revision);
    }
}

/* The routed revision cannot serve: the next one is routed instead, if there is one, and gets those who wait.
 */
static void drop_current(struct function *function)
{
    struct revision *old = function->current;
    function->current = function->next;
    function->next = NULL;
    if (function->current)
        slot_pool_replace(revision_pool(old), revision_pool(function->current));
    if (function->current && revision_current_state(function->current) == REVISION_STANDBY)
        revision_activate(function->current);
}

static void on_broken(struct revision *revision, const struct error *err, struct diagnostics *diagnostics,
                      const char *output, void *owner)
{
    struct function *function = owner;
    bool newest = revision == function->newest, routed = revision == function->current;
    if (newest) {
        function_take_diagnostics(function, diagnostics);
        function_keep_build_output(function, output);
    }
    if (!routed)
        function->next = NULL;
    else
        drop_current(function);
    if (newest || !function->problem)
        function_note_problem(function, err);
    if (!routed && function->current)
        revision_note_unbuildable(function->current, err);
    if (routed)
        function->hooks.routed(function, function->owner);
    retire(function, revision, "broken");
    if (newest)
        settle(function);
}

static void on_loaded(struct revision *revision, void *owner)
{
    (void)revision;
    struct function *function = owner;
    take_over(function);
    settle(function);
}

static void on_load_failed(struct revision *revision, const struct error *cause, void *owner)
{
    struct function *function = owner;
    function->next = NULL;
    function_note_problem(function, cause);
    retire(function, revision, "failed to load");
    settle(function);
}

static void on_stale(struct revision *revision, void *owner)
{
    (void)revision;
    struct function *function = owner;
    function->stale = true;
    function->changed = true;
    if (function->settled && !function->removed)
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
    function->hooks.routed(function, function->owner);
}

/* The registry has been read again, and says nothing else of what is deployed or on its way. */
static void renew(struct function *function)
{
    struct revision *revision = function->next ? function->next : function->current;
    function_collect_diagnostics(function);
    revision_renew(revision, function->generation, function->settings);
    if (function->next)
        revision_apply(function->next, function->generation, function->settings);
}

static void deploy(struct function *function)
{
    struct revision *revision =
        revision_create(function->env, function->generation, function->settings, function->inputs,
                        &function->scale, function->current, &revision_hooks, function);
    function->newest = revision;
    if (function->current) {
        function->next = revision;
    } else {
        function->current = revision; /* requests may wait in its pool while it is prepared */
        function->hooks.routed(function, function->owner);
    }
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

static bool deploy_from(struct function *function, struct generation *generation,
                        const struct function_settings *settings, const char *inputs)
{
    bool same =
        !function->changed && *inputs && strcmp(inputs, function->inputs) == 0 && stands_alone(function);
    generation_ref(generation);
    generation_unref(function->generation);
    function->generation = generation;
    function->settings = settings;
    snprintf(function->inputs, sizeof(function->inputs), "%s", inputs);
    if (!settings->broken)
        apply(function, generation, settings);
    if (same && !settings->broken) {
        renew(function);
        return false;
    }
    begin_deployment(function);
    if (!settings->broken) {
        deploy(function);
        return true;
    }
    function->newest = NULL;
    function_log_diagnostics(function);
    function_reject(function);
    function->hooks.routed(function, function->owner);
    settle(function);
    return true;
}

bool function_deploy(struct function *function, struct generation *generation,
                     const struct function_settings *settings, const char *inputs)
{
    function->scale.has_minimum = false;
    return deploy_from(function, generation, settings, inputs);
}

void function_redeploy(struct function *function)
{
    cleanup_free char *inputs = xstrdup(function->inputs);
    function->changed = true;
    deploy_from(function, function->generation, function->settings, inputs);
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
