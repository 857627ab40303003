#include "fleet/instance_log.h"

#include "base/log.h"
#include "base/strbuf.h"
#include "docker/container.h"

#include <stdlib.h>
#include <time.h>

struct instance_log {
    const struct fleet_env *env;
    struct docker_call *call;
    char *container_id;
    struct function_output *output;
    char *instance;
    bool seen;         /* a line has come */
    bool cut_off;      /* the engine went away */
    int64_t resume_ns; /* Unix time from which on lines have not been seen; 0: all */
};

static int64_t unix_time_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void on_line(void *owner, const struct docker_line *line)
{
    struct instance_log *log = owner;
    log->seen = true;
    function_output_write(log->output, log->instance, line);
}

static void on_end(void *owner, const struct error *err)
{
    struct instance_log *log = owner;
    log->call = NULL;
    if (!err)
        return;
    log_debug("function.output-ended", LOG_STR("instance", log->instance), LOG_ERR(err));
    log->cut_off = true;
    if (log->seen)
        log->resume_ns = unix_time_ns();
}

static void follow(struct instance_log *log)
{
    struct docker_logs options = {.follow = true, .tail = -1, .since_ns = log->resume_ns};
    log->cut_off = false;
    log->call = docker_container_logs(log->env->docker, log->container_id, &options, on_line, on_end, log);
}

struct instance_log *instance_log_start(const struct fleet_env *env, const char *container_id,
                                        struct function_output *output, const char *instance)
{
    struct instance_log *log = xcalloc(1, sizeof(*log));
    log->env = env;
    log->container_id = xstrdup(container_id);
    log->output = output;
    log->instance = xstrdup(instance);
    follow(log);
    return log;
}

void instance_log_resume(struct instance_log *log)
{
    if (log && log->cut_off)
        follow(log);
}

void instance_log_stop(struct instance_log *log)
{
    if (!log)
        return;
    docker_cancel(log->call);
    free(log->container_id);
    free(log->instance);
    free(log);
}
