#include "prepare/image/runtime_image.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/queue.h"
#include "docker/image.h"
#include "prepare/image/image_look.h"
#include "prepare/process/cause_line.h"
#include "prepare/process/host_environment.h"
#include "prepare/process/kept_output.h"
#include "prepare/process/line_tail.h"
#include "prepare/process/shown_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAG_DIGITS 16
#define STEP_BYTES 120 /* of a step that an error quotes, with the NUL; longer ones are cut */

/* How the engine begins the line of a build step, and what it says of one whose command has failed. */
#define STEP_MARK "Step "
#define EXIT_MARK "returned a non-zero code: "
#define CUT_MARK  "..."

/* One request: waits for a look at what the image is made from, then joins the build of its name. */
struct runtime_image_request {
    struct runtime_images *images;
    char *name, *folder;
    char *runtime_image, *runtime_image_id; /* of a builder image, else NULL */
    struct runtime_image_callbacks callbacks;
    void *context;
    struct image_looker looker;
    struct image_build *build;
    TAILQ_ENTRY(runtime_image_request) link; /* among images->requests, or build->requests */
};

TAILQ_HEAD(image_requests, runtime_image_request);

/* One image: looked for, built when it is not there, and looked at for its id. */
struct image_build {
    struct runtime_images *images;
    char tag[RUNTIME_IMAGE_NAME_MAX];
    char *name, *folder;
    char *runtime_image; /* of a builder image, else NULL */
    struct docker_call *call;
    struct image_requests requests;
    char step[STEP_BYTES]; /* the one under way: "Step 2/5 : RUN make" */
    struct line_tail tail; /* of what it has written */
    struct cause_line cause;
    struct kept_output output;
    uint64_t started_ms; /* 0: not built yet */
    bool ending; /* its requests are being told */
    TAILQ_ENTRY(image_build) link;
};

struct runtime_images {
    struct docker *docker;
    struct image_looks *looks;
    struct image_requests requests; /* without a build yet */
    TAILQ_HEAD(, image_build) builds;
};

struct runtime_images *runtime_images_create(const struct runtime_images_options *options)
{
    struct runtime_images *images = xcalloc(1, sizeof(*images));
    TAILQ_INIT(&images->requests);
    TAILQ_INIT(&images->builds);
    images->docker = options->docker;
    images->looks = image_looks_create(options->docker, options->background,
                                       options->base_image ? options->base_image : RUNTIME_IMAGE_BASE);
    return images;
}

static void request_free(struct runtime_image_request *request)
{
    image_look_leave(&request->looker);
    free(request->name);
    free(request->folder);
    free(request->runtime_image);
    free(request->runtime_image_id);
    free(request);
}

static void requests_free(struct image_requests *list)
{
    for (struct runtime_image_request *request; (request = queue_take_first(list, link));)
        request_free(request);
}

static void build_free(struct image_build *build)
{
    docker_cancel(build->call);
    kept_output_clear(&build->output);
    free(build->name);
    free(build->runtime_image);
    free(build->folder);
    free(build);
}

static void build_end(struct image_build *build)
{
    TAILQ_REMOVE(&build->images->builds, build, link);
    build_free(build);
}

void runtime_image_cancel(struct runtime_image_request *request)
{
    if (!request)
        return;
    struct image_build *build = request->build;
    if (build) {
        TAILQ_REMOVE(&build->requests, request, link);
        if (TAILQ_EMPTY(&build->requests) && !build->ending)
            build_end(build);
    } else {
        TAILQ_REMOVE(&request->images->requests, request, link);
    }
    request_free(request);
}

void runtime_images_destroy(struct runtime_images *images)
{
    if (!images)
        return;
    requests_free(&images->requests);
    for (struct image_build *build; (build = queue_take_first(&images->builds, link));) {
        requests_free(&build->requests);
        build_free(build);
    }
    image_looks_destroy(images->looks);
    free(images);
}

/* Ends a request that has no build yet. */
static void request_fail(struct runtime_image_request *request, const struct error *err)
{
    const struct runtime_image_callbacks callbacks = request->callbacks;
    void *context = request->context;
    TAILQ_REMOVE(&request->images->requests, request, link);
    log_warning("image.failed", LOG_STR("runtime", request->name), LOG_ERR(err));
    request_free(request);
    callbacks.done(context, err, NULL, NULL, NULL);
}

/* Ends a build and all who wait for it. Their callbacks may cancel others of them. */
static void build_finish(struct image_build *build, const struct error *err, const char *id)
{
    cleanup_free char *output = err ? kept_output_text(&build->output) : NULL;
    build->call = NULL;
    build->ending = true;
    if (err)
        log_warning("image.failed", LOG_STR("runtime", build->name), LOG_STR("image", build->tag),
                    LOG_ERR(err));
    for (struct runtime_image_request *request; (request = queue_take_first(&build->requests, link));) {
        const struct runtime_image_callbacks callbacks = request->callbacks;
        void *context = request->context;
        request_free(request);
        callbacks.done(context, err, err ? NULL : build->tag, id, output);
    }
    build_end(build);
}

/* "runtime" or "builder". */
static const char *kind_of(const struct image_build *build)
{
    return build->runtime_image ? "builder" : "runtime";
}

static void on_confirmed(void *owner, const struct error *err, const struct docker_image *image)
{
    struct image_build *build = owner;
    if (!err)
        log_info("image.built", LOG_STR("runtime", build->name), LOG_STR("image", build->tag),
                 LOG_INT("ms", clock_ms() - build->started_ms));
    build_finish(build, err, err ? NULL : image->id);
}

/* The error of a failed build: the step, and what its command says is the cause; the engine's words when it
 * was no command that failed. */
static void describe_failure(const struct image_build *build, const struct error *cause, struct error *err)
{
    char text[LINE_TAIL_TEXT];
    *err = *cause;
    if (cause->code != ERROR_BUILD_FAILED)
        return;
    const char *code = strstr(cause->message, EXIT_MARK);
    const char *line = cause_line_text(&build->cause);
    if (code)
        error_set(err, ERROR_IMAGE_BUILD, "the %s image of %s cannot be built: %s (exit code %.5s of \"%s\")",
                  kind_of(build), build->name, line ? line : line_tail_text(&build->tail, text),
                  code + strlen(EXIT_MARK), build->step);
    else
        error_set(err, ERROR_IMAGE_BUILD, "the %s image of %s cannot be built: %.500s", kind_of(build),
                  build->name, cause->message);
    error_hint(err,
               "see %s/Dockerfile; all of the output is in the daemon's log and at /system/function/<name> "
               "of the management port",
               build->folder);
}

static void on_built(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct image_build *build = owner;
    if (!err) {
        build->call = docker_image_inspect(build->images->docker, build->tag, on_confirmed, build);
        return;
    }
    struct error described;
    describe_failure(build, err, &described);
    build_finish(build, &described, NULL);
}

/* What went before belongs to steps that have succeeded. */
static void begin_step(struct image_build *build, const char *line)
{
    int length = snprintf(build->step, sizeof(build->step), "%s", line);
    if (length >= (int)sizeof(build->step))
        memcpy(build->step + sizeof(build->step) - sizeof(CUT_MARK), CUT_MARK, sizeof(CUT_MARK));
    build->tail = (struct line_tail){0};
    build->cause = (struct cause_line){0};
}

/* What the engine says itself between the lines of the commands. */
static bool is_remark(const char *line)
{
    static const char *const begins[] = {" ---> ", "Removing intermediate container ", NULL};
    for (const char *const *begin = begins; *begin; begin++) {
        if (strncmp(line, *begin, strlen(*begin)) == 0)
            return true;
    }
    return false;
}

/* False: the line only names the cause. */
static bool note_line(struct image_build *build, const char *line)
{
    if (strncmp(line, STEP_MARK, strlen(STEP_MARK)) == 0)
        begin_step(build, line);
    else if (cause_line_add(&build->cause, line))
        return false;
    else if (!is_remark(line))
        line_tail_add(&build->tail, line);
    return true;
}

static void on_line(void *owner, const char *line)
{
    struct image_build *build = owner;
    uint64_t elapsed_ms = clock_ms() - build->started_ms;
    cleanup_free char *text = shown_line(line, strlen(line));
    if (!note_line(build, text))
        return;
    kept_output_add(&build->output, text);
    const struct runtime_image_request *request = TAILQ_FIRST(&build->requests);
    while (request && !request->callbacks.line)
        request = TAILQ_NEXT(request, link);
    if (request)
        request->callbacks.line(request->context, text, elapsed_ms);
}

static void start_build(struct image_build *build)
{
    struct docker_pair arguments[2 + HOST_PROXIES_MAX] = {
        {"BERTH_BASE", image_looks_base(build->images->looks)}, {"BERTH_RUNTIME", build->runtime_image}};
    size_t given = build->runtime_image ? 2 : 1;
    const struct docker_pair labels[] = {{"berth.image", kind_of(build)}, {"berth.runtime", build->name}};
    const struct docker_build what = {
        .context = build->folder,
        .tag = build->tag,
        .arguments = arguments,
        .argument_count = given + host_environment_proxies(arguments + given),
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(*labels),
    };
    build->started_ms = clock_ms();
    log_info("image.build", LOG_STR("runtime", build->name), LOG_STR("image", build->tag));
    build->call = docker_image_build(build->images->docker, &what, on_line, on_built, build);
}

static void on_looked(void *owner, const struct error *err, const struct docker_image *image)
{
    struct image_build *build = owner;
    if (!err)
        build_finish(build, NULL, image->id);
    else if (err->code == ERROR_NOT_FOUND)
        start_build(build);
    else
        build_finish(build, err, NULL);
}

static struct image_build *find_build(struct runtime_images *images, const char *tag)
{
    struct image_build *build;
    TAILQ_FOREACH(build, &images->builds, link)
    {
        if (!build->ending && strcmp(build->tag, tag) == 0)
            return build;
    }
    return NULL;
}

/* The image's name: of the runtime, and a hash of all that goes into it. */
static void make_tag(const struct runtime_image_request *request, const char *base_id, const char *digest,
                     char tag[RUNTIME_IMAGE_NAME_MAX])
{
    char hex[HASH_HEX_SIZE];
    struct hash *hash = hash_create();
    hash_update_text(hash, digest);
    hash_update_text(hash, base_id);
    if (request->runtime_image)
        hash_update_text(hash, request->runtime_image_id);
    hash_finish(hash, hex);
    snprintf(tag, RUNTIME_IMAGE_NAME_MAX, "%s%s:%.*s",
             request->runtime_image ? BUILDER_IMAGE_PREFIX : RUNTIME_IMAGE_PREFIX, request->name, TAG_DIGITS,
             hex);
}

static void join_build(struct runtime_image_request *request, const char *base_id, const char *digest)
{
    struct runtime_images *images = request->images;
    char tag[RUNTIME_IMAGE_NAME_MAX];
    make_tag(request, base_id, digest, tag);
    struct image_build *build = find_build(images, tag);
    if (!build) {
        build = xcalloc(1, sizeof(*build));
        build->images = images;
        TAILQ_INIT(&build->requests);
        kept_output_init(&build->output);
        snprintf(build->tag, sizeof(build->tag), "%s", tag);
        build->name = xstrdup(request->name);
        build->folder = xstrdup(request->folder);
        build->runtime_image = request->runtime_image ? xstrdup(request->runtime_image) : NULL;
        TAILQ_INSERT_TAIL(&images->builds, build, link);
        build->call = docker_image_inspect(images->docker, tag, on_looked, build);
    }
    TAILQ_REMOVE(&images->requests, request, link);
    TAILQ_INSERT_TAIL(&build->requests, request, link);
    request->build = build;
}

static void on_seen(struct image_looker *looker, const struct error *err, const char *base_id,
                    const char *digest)
{
    struct runtime_image_request *request = container_of(looker, struct runtime_image_request, looker);
    if (err)
        request_fail(request, err);
    else
        join_build(request, base_id, digest);
}

struct runtime_image_request *runtime_images_ensure(struct runtime_images *images, const char *name,
                                                    const char *folder,
                                                    const struct runtime_image_callbacks *callbacks,
                                                    void *context)
{
    struct runtime_image_request *request = xcalloc(1, sizeof(*request));
    *request = (struct runtime_image_request){.images = images,
                                              .name = xstrdup(name),
                                              .folder = xstrdup(folder),
                                              .callbacks = *callbacks,
                                              .context = context,
                                              .looker = {.done = on_seen}};
    TAILQ_INSERT_TAIL(&images->requests, request, link);
    image_look_join(images->looks, &request->looker, folder);
    return request;
}

struct runtime_image_request *runtime_images_ensure_builder(struct runtime_images *images, const char *name,
                                                            const char *folder, const char *runtime_image,
                                                            const char *runtime_image_id,
                                                            const struct runtime_image_callbacks *callbacks,
                                                            void *context)
{
    struct runtime_image_request *request = runtime_images_ensure(images, name, folder, callbacks, context);
    request->runtime_image = xstrdup(runtime_image);
    request->runtime_image_id = xstrdup(runtime_image_id);
    return request;
}

void runtime_image_progress(const struct runtime_image_request *request,
                            struct runtime_image_progress *ret_progress)
{
    const struct image_build *build = request->build;
    *ret_progress = (struct runtime_image_progress){.last_line = ""};
    if (!build || build->started_ms == 0)
        return;
    ret_progress->building = true;
    ret_progress->since_ms = build->started_ms;
    ret_progress->last_line = kept_output_last(&build->output);
}
