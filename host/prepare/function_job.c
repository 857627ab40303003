#include "prepare/function_job.h"

struct build_job *function_job_submit(struct build_jobs *jobs, const struct plugin *plugin,
                                      const struct function_settings *settings,
                                      enum build_operation operation, const char *dependencies,
                                      build_done_fn *done, void *context)
{
    struct build_request request = plugin_request(plugin, settings, operation);
    request.dependencies = dependencies;
    return build_jobs_submit(jobs, &request, done, context);
}

void function_job_findings(const struct function_settings *settings, const char *path,
                           struct build_result *result, struct diagnostics *findings)
{
    bool told = diagnostics_errors(&result->diagnostics, NULL) > 0;
    if (!result->ok && !told) {
        const struct diagnostic item = {.severity = SEVERITY_ERROR,
                                        .function = settings->name,
                                        .message = result->error.message,
                                        .hint = result->error.hint[0] ? result->error.hint : NULL};
        diagnostics_add(&result->diagnostics, &item);
    }
    function_settings_place(settings, path, &result->diagnostics);
    diagnostics_move(findings, &result->diagnostics);
}
