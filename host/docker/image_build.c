#include "base/alloc.h"
#include "docker/answer.h"
#include "docker/context_tar.h"
#include "docker/image.h"
#include "docker/progress.h"

#include <stdlib.h>

struct build {
    struct progress progress;
    struct context_tar *context;
};

static int send_context(struct docker_call *call, char *buffer, size_t size, size_t *ret_length,
                        struct error *err)
{
    struct build *build = call->state;
    return context_tar_read(build->context, buffer, size, ret_length, err);
}

static void clear_build(struct docker_call *call)
{
    struct build *build = call->state;
    progress_clear(&build->progress);
    context_tar_destroy(build->context);
    free(build);
}

/* `version` 1 is the classic builder, which every engine has. Intermediate containers go in any case. */
static void add_parameters(struct docker_call *call, const struct docker_build *build)
{
    docker_call_query(call, "version", "1");
    docker_call_query(call, "rm", "1");
    docker_call_query(call, "forcerm", "1");
    docker_call_query(call, "t", build->tag);
    if (build->file)
        docker_call_query(call, "dockerfile", build->file);
    docker_call_query_json(call, "buildargs", answer_from_pairs(build->arguments, build->argument_count));
    docker_call_query_json(call, "labels", answer_from_pairs(build->labels, build->label_count));
}

struct docker_call *docker_image_build(struct docker *docker, const struct docker_build *build,
                                       docker_progress_fn *line, docker_built_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "build image",
                                            .unlimited = true,
                                            .finish = progress_finish,
                                            .receive = progress_receive,
                                            .send = send_context,
                                            .clear = clear_build};
    struct docker_call *call = docker_call_create(docker, &kind, build->tag, owner);
    struct build *state = xcalloc(1, sizeof(*state));
    struct error err;
    progress_init(&state->progress, call, ERROR_BUILD_FAILED, line);
    call->state = state;
    call->callback.built = done;
    docker_call_request(call, "POST", "/build", NULL, NULL, NULL);
    add_parameters(call, build);
    int rc = build->dockerfile
                 ? context_tar_create_file("Dockerfile", build->dockerfile, &state->context, &err)
                 : context_tar_create(build->context, DOCKER_BUILD_CONTEXT_MAX, &state->context, &err);
    if (rc < 0)
        docker_call_refuse(call, &err);
    return docker_call_submit(call);
}
