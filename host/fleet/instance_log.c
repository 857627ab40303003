#include "fleet/instance_log.h"

#include "base/log.h"
#include "base/strbuf.h"
#include "docker/container.h"
#include "fleet/output_line.h"

#include <stdlib.h>

struct instance_log {
    struct docker_call *call;
    char *function;
    char *instance;
};

static void on_line(void *owner, const struct docker_line *line)
{
    struct instance_log *log = owner;
    struct output_line output;
    output_line_parse(line->text, line->length, &output);
    log_info("function.output", LOG_STR("function", log->function), LOG_STR("instance", log->instance),
             LOG_STR("request_id", output.request_id[0] ? output.request_id : NULL),
             LOG_STR("stream", line->stream == DOCKER_STDERR ? "stderr" : "stdout"),
             LOG_STR("text", output.text));
}

static void on_end(void *owner, const struct error *err)
{
    struct instance_log *log = owner;
    log->call = NULL;
    if (err)
        log_debug("function.output-ended", LOG_STR("instance", log->instance), LOG_ERR(err));
}

struct instance_log *instance_log_start(const struct fleet_env *env, const char *container_id,
                                        const char *function, const char *instance)
{
    struct instance_log *log = xcalloc(1, sizeof(*log));
    log->function = xstrdup(function);
    log->instance = xstrdup(instance);
    struct docker_logs options = {.follow = true, .tail = -1};
    log->call = docker_container_logs(env->docker, container_id, &options, on_line, on_end, log);
    return log;
}

void instance_log_stop(struct instance_log *log)
{
    if (!log)
        return;
    docker_cancel(log->call);
    free(log->function);
    free(log->instance);
    free(log);
}
