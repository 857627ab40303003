#include "fleet/function_inside.h"

#include "base/alloc.h"

#include <stdlib.h>

struct function *function_create(struct fleet_env *env, const char *name, const struct function_hooks *hooks,
                                 void *owner)
{
    struct function *function = xcalloc(1, sizeof(*function));
    function->env = env;
    function->name = xstrdup(name);
    function->scale.output = function_output_create(env->base, env->host, env->logs, function->name);
    function->hooks = *hooks;
    function->owner = owner;
    function_open_kept(function);
    return function;
}

void function_destroy(struct function *function)
{
    if (!function)
        return;
    function_close_kept(function);
    diagnostics_clear(&function->findings);
    diagnostics_clear(&function->diagnostics);
    generation_unref(function->generation);
    generation_unref(function->applied_generation);
    scale_history_clear(&function->scale.history);
    cold_starts_clear(&function->scale.cold_starts);
    failure_clear(&function->scale.last_failure);
    function_counts_clear(&function->scale.counts);
    function_output_destroy(function->scale.output);
    free(function->retiring);
    free(function->rollback);
    free(function->build_output);
    free(function->problem);
    free(function->name);
    free(function);
}

/* --- questions --- */

const char *function_name(const struct function *function)
{
    return function->name;
}

bool function_is_of(const struct function *function, const struct generation *generation)
{
    return function->generation == generation;
}

bool function_is_removed(const struct function *function)
{
    return function->removed;
}

bool function_is_settled(const struct function *function)
{
    return function->settled;
}

struct revision *function_current(const struct function *function)
{
    return function->current;
}

struct revision *function_next(const struct function *function)
{
    return function->next;
}

const struct kept_error *function_problem(const struct function *function)
{
    return function->problem;
}

bool function_serves_last_good(const struct function *function)
{
    return function->problem && function->current && function->current != function->newest;
}

const char *function_build_output(const struct function *function)
{
    return function->build_output;
}

const struct diagnostics *function_diagnostics(const struct function *function)
{
    return &function->diagnostics;
}

const struct scale_history *function_scale_history(const struct function *function)
{
    return &function->scale.history;
}

const struct failure *function_last_failure(const struct function *function)
{
    return &function->scale.last_failure;
}

const struct function_counts *function_counts_of(const struct function *function)
{
    return &function->scale.counts;
}

const struct function_output *function_output_of(const struct function *function)
{
    return function->scale.output;
}

const struct function_settings *function_latest_settings(const struct function *function)
{
    return function->settings;
}

const struct function_settings *function_applied_settings(const struct function *function)
{
    return function->applied ? function->applied : function->settings;
}

void function_each_revision(struct function *function,
                            void (*visit)(struct revision *revision, void *context), void *context)
{
    if (function->current)
        visit(function->current, context);
    if (function->next)
        visit(function->next, context);
    for (size_t i = 0; i < function->retiring_count; i++)
        visit(function->retiring[i], context);
}

/* Whom to show the instances of each revision. */
struct visitor {
    void (*visit)(struct instance *instance, void *context);
    void *context;
};

static void visit_instances(struct revision *revision, void *context)
{
    const struct visitor *visitor = context;
    revision_each_instance(revision, visitor->visit, visitor->context);
}

void function_each_instance(struct function *function,
                            void (*visit)(struct instance *instance, void *context), void *context)
{
    struct visitor visitor = {visit, context};
    function_each_revision(function, visit_instances, &visitor);
}

void function_set_minimum(struct function *function, unsigned instances)
{
    function->scale.has_minimum = true;
    function->scale.minimum = instances;
    if (function->current)
        revision_take_minimum(function->current);
    if (function->next)
        revision_take_minimum(function->next);
}

unsigned function_minimum(const struct function *function)
{
    return function->scale.has_minimum ? function->scale.minimum
                                       : function_applied_settings(function)->min_scale;
}
