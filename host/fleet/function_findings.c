#include "fleet/function_inside.h"

#include "base/alloc.h"
#include "base/log.h"
#include "fleet/revision/finding.h"

#include <stdlib.h>
#include <string.h>

void function_note_problem(struct function *function, const struct error *err)
{
    bool has_old = function->current && function->current != function->newest;
    function->changed = true;
    error_replace(&function->problem, err);
    log_warning("function.problem", LOG_STR("function", function->name), LOG_ERR(err),
                LOG_STR("serving", has_old ? "the old revision" : "nothing"));
}

void function_log_diagnostics(const struct function *function)
{
    for (size_t i = 0; i < function->diagnostics.count; i++) {
        struct diagnostic item = function->diagnostics.items[i];
        item.function = function->name;
        diagnostic_log("function.diagnostic", &item);
    }
}

/* What the registry says of it, and what its preparation has found, at the places that both have there. */
void function_collect_diagnostics(struct function *function)
{
    const struct registry *registry = function->generation->registry;
    struct diagnostics placed = {0};
    diagnostics_clear(&function->diagnostics);
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->function && strcmp(item->function, function->name) == 0)
            diagnostics_add(&function->diagnostics, item);
    }
    for (size_t i = 0; i < function->findings.count; i++)
        diagnostics_add(&placed, &function->findings.items[i]);
    function_settings_place(function->settings, registry->path, &placed);
    diagnostics_move(&function->diagnostics, &placed);
}

/* What the build of the newest deployment has found, good or bad. */
void function_take_diagnostics(struct function *function, struct diagnostics *diagnostics)
{
    diagnostics_clear(&function->findings);
    diagnostics_move(&function->findings, diagnostics);
    function_collect_diagnostics(function);
    function_log_diagnostics(function);
}

void function_keep_build_output(struct function *function, const char *output)
{
    free(function->build_output);
    function->build_output = output ? xstrdup(output) : NULL;
}

/* The registry's own findings make the function unusable. */
void function_reject(struct function *function)
{
    struct error err;
    error_set(&err, ERROR_CONFIG_INVALID_FUNCTION, "its entry in the registry has mistakes");
    finding_quote_first(&function->diagnostics, function->settings, &err);
    function_note_problem(function, &err);
}
