#include "prepare/job/job.h"

#include "prepare/job/plugin_text.h"

#define DIAGNOSTICS_MAX 1000

static const char *const stage_names[] = {
    [JOB_HOST] = "the host",     [JOB_LOAD] = "loading",    [JOB_ENTRY] = BERTH_PLUGIN_ENTRY,
    [JOB_VALIDATE] = "validate", [JOB_PACKAGE] = "package", [JOB_LAUNCH] = "launch",
    [JOB_SCAFFOLD] = "scaffold",
};

static const char *const severity_names[] = {
    [BERTH_SEVERITY_ERROR] = "error",
    [BERTH_SEVERITY_WARNING] = "warning",
    [BERTH_SEVERITY_NOTE] = "note",
};

const char *job_stage_name(enum job_stage stage)
{
    return stage_names[stage];
}

void job_enter(struct berth_job *job, enum job_stage stage)
{
    job->stage = stage;
    reply_progress(job->reply, stage_names[stage]);
}

const char *job_text(const struct berth_job *job, const char *member)
{
    return json_string_value(json_object_get(job->request, member));
}

void job_report(struct berth_job *job, const struct berth_diagnostic *diagnostic)
{
    if (diagnostic->severity == BERTH_SEVERITY_ERROR)
        job->errors++;
    if (json_array_size(job->diagnostics) >= DIAGNOSTICS_MAX)
        return;
    json_t *item = json_object();
    json_object_set_new(item, "severity", json_string(severity_names[diagnostic->severity]));
    json_object_set_new(item, "message", plugin_text(diagnostic->message));
    if (diagnostic->file)
        json_object_set_new(item, "file", plugin_text(diagnostic->file));
    if (diagnostic->line > 0)
        json_object_set_new(item, "line", json_integer(diagnostic->line));
    if (diagnostic->line > 0 && diagnostic->column > 0)
        json_object_set_new(item, "column", json_integer(diagnostic->column));
    if (diagnostic->hint && *diagnostic->hint)
        json_object_set_new(item, "hint", plugin_text(diagnostic->hint));
    if (diagnostic->option && !diagnostic->file)
        json_object_set_new(item, "option", plugin_text(diagnostic->option));
    json_array_append_new(job->diagnostics, item);
}

void job_reset(struct berth_job *job)
{
    json_array_clear(job->diagnostics);
    json_decref(job->dependencies);
    json_decref(job->launch);
    json_decref(job->reads);
    job->dependencies = job->launch = job->reads = NULL;
    job->errors = 0;
}

int job_fail(struct berth_job *job, const struct error *err)
{
    if (!job->failed)
        job->error = *err;
    job->failed = true;
    return -1;
}
