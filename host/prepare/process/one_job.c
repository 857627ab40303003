#include "prepare/process/one_job.h"

#include <event2/event.h>

struct one_job {
    struct event_base *base;
    struct build_result *result;
};

static void on_done(void *context, struct build_result *result)
{
    struct one_job *one = context;
    one->result = result;
    event_base_loopbreak(one->base);
}

struct build_result *one_job_run(const struct build_jobs_options *options,
                                 const struct build_request *request)
{
    struct one_job one = {.base = event_base_new()};
    struct build_jobs *jobs;
    struct error err;
    if (!one.base) {
        error_set_in(&err, COMPONENT_BUILD, ERROR_IO, "cannot make an event loop");
        return build_result_failed(&err);
    }
    if (build_jobs_create(one.base, options, &jobs, &err) < 0) {
        one.result = build_result_failed(&err);
    } else {
        build_jobs_submit(jobs, request, on_done, &one);
        event_base_dispatch(one.base);
        build_jobs_destroy(jobs);
    }
    event_base_free(one.base);
    return one.result;
}
