#include "prepare/image/image_build.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "docker/image.h"
#include "prepare/process/cause_line.h"
#include "prepare/process/host_environment.h"
#include "prepare/process/kept_output.h"
#include "prepare/process/line_tail.h"
#include "prepare/process/shown_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_BYTES    120 /* of a step that an error quotes, with the NUL; longer ones are cut */
#define ARGUMENTS_MAX 4

/* How the engine begins the line of a build step, and what it says of one whose command has failed. */
#define STEP_MARK "Step "
#define EXIT_MARK "returned a non-zero code: "
#define CUT_MARK  "..."

/* How the Docker client ends what the engine has answered with. */
#define STATUS_MARK " (HTTP "

/* An argument's value belongs to the build. */
struct argument {
    const char *name;
    char *value;
};

/* One image: looked for, built when it is not there, and looked at for its id. */
struct image_build {
    struct image_builds *builds;
    enum image_kind kind;
    char image[IMAGE_NAME_MAX];
    char *runtime, *base;
    char *folder, *dockerfile; /* one of them is NULL */
    char *file; /* ... of the folder's Dockerfile, or NULL */
    struct argument arguments[ARGUMENTS_MAX];
    size_t argument_count;
    struct docker_call *call;
    TAILQ_HEAD(, image_waiter) waiters;
    char step[STEP_BYTES]; /* the one under way: "Step 2/5 : RUN make" */
    char step_told[DOCKER_STEP_BYTES]; /* the same, as errors of the Docker client have it */
    struct line_tail tail; /* of what it has written */
    struct cause_line cause;
    struct kept_output output;
    char interpreter[IMAGE_INTERPRETER_MAX]; /* as its build has told; "": it has not */
    uint64_t started_ms; /* 0: not built yet */
    bool ending; /* those who wait are being told */
    TAILQ_ENTRY(image_build) link;
};

struct image_builds {
    struct docker *docker;
    TAILQ_HEAD(, image_build) list;
};

struct image_builds *image_builds_create(struct docker *docker)
{
    struct image_builds *builds = xcalloc(1, sizeof(*builds));
    builds->docker = docker;
    TAILQ_INIT(&builds->list);
    return builds;
}

static void build_free(struct image_build *build)
{
    docker_cancel(build->call);
    kept_output_clear(&build->output);
    for (size_t i = 0; i < build->argument_count; i++)
        free(build->arguments[i].value);
    free(build->runtime);
    free(build->base);
    free(build->folder);
    free(build->dockerfile);
    free(build->file);
    free(build);
}

static void build_end(struct image_build *build)
{
    TAILQ_REMOVE(&build->builds->list, build, link);
    build_free(build);
}

void image_builds_destroy(struct image_builds *builds)
{
    if (!builds)
        return;
    for (struct image_build *build; (build = queue_take_first(&builds->list, link));)
        build_free(build);
    free(builds);
}

void image_build_leave(struct image_waiter *waiter)
{
    struct image_build *build = steal(&waiter->build);
    if (!build)
        return;
    TAILQ_REMOVE(&build->waiters, waiter, link);
    if (TAILQ_EMPTY(&build->waiters) && !build->ending)
        build_end(build);
}

/* Ends a build and all who wait for it. Their callbacks may have others of them leave. */
static void build_finish(struct image_build *build, const struct error *err, const struct docker_image *image,
                         const struct image_failure *failure)
{
    const char *interpreter = image ? docker_label(image->labels, "berth.interpreter") : NULL;
    const struct image_facts facts = {build->image, image ? image->id : "", interpreter ? interpreter : ""};
    build->call = NULL;
    build->ending = true;
    if (err)
        log_warning("image.failed", LOG_STR("runtime", build->runtime), LOG_STR("image", build->image),
                    LOG_ERR(err));
    for (struct image_waiter *waiter; (waiter = queue_take_first(&build->waiters, link));) {
        waiter->build = NULL;
        waiter->done(waiter, err, err ? NULL : &facts, failure);
    }
    build_end(build);
}

static const char *kind_of(const struct image_build *build)
{
    static const char *const names[] = {[IMAGE_RUNTIME] = "runtime",
                                        [IMAGE_BUILDER] = "builder",
                                        [IMAGE_SYSTEM] = "system",
                                        [IMAGE_FUNCTION] = "function"};
    return names[build->kind];
}

static void on_confirmed(void *owner, const struct error *err, const struct docker_image *image)
{
    struct image_build *build = owner;
    if (!err)
        log_info("image.built", LOG_STR("runtime", build->runtime), LOG_STR("image", build->image),
                 LOG_INT("ms", clock_ms() - build->started_ms));
    build_finish(build, err, err ? NULL : image, NULL);
}

static void hint_failure(const struct image_build *build, struct error *err)
{
    static const char whole[] =
        "berth describe shows what it has written; all of it is in the daemon's log and at "
        "/system/function/<name> of the management port";
    if (build->file)
        error_hint(err, "see the function's %s; %s", build->file, whole);
    else if (build->folder)
        error_hint(err, "see %s/Dockerfile; %s", build->folder, whole);
    else
        error_hint(err, "%s", whole);
}

/* The error of a failed build: the step, and what its command says is the cause; the engine's words when it
 * was no command that failed. */
static void describe_failure(const struct image_build *build, const struct image_failure *failure,
                             struct error *err)
{
    if (failure->exit_code && build->kind == IMAGE_SYSTEM)
        error_set(err, ERROR_SYSTEM_PACKAGES, "the system packages cannot be installed: %s", failure->reason);
    else if (failure->exit_code)
        error_set(err, ERROR_IMAGE_BUILD, "the %s image of %s cannot be built: %s (exit code %.5s of \"%s\")",
                  kind_of(build), build->runtime, failure->reason, failure->exit_code, build->step);
    else
        error_set(err, ERROR_IMAGE_BUILD, "the %s image of %s cannot be built: %.400s%s%s%s", kind_of(build),
                  build->runtime, failure->reason, *build->step ? " (" : "", build->step,
                  *build->step ? ")" : "");
    hint_failure(build, err);
}

/* What the engine says of it, without what the Docker client puts around: the image, the step and the
 * status. */
static void find_words(const struct image_build *build, const char *message, char *ret_words, size_t size)
{
    const char *image = strstr(message, build->image);
    const char *words = image ? image + strlen(build->image) : message;
    words += image && strncmp(words, ": ", 2) == 0 ? 2 : 0;
    size_t step = strlen(build->step_told);
    if (step > 0 && strncmp(words, build->step_told, step) == 0 && strncmp(words + step, ": ", 2) == 0)
        words += step + 2;
    snprintf(ret_words, size, "%s", words);
    char *status = strstr(ret_words, STATUS_MARK);
    if (status)
        *status = '\0';
}

static void fail(struct image_build *build, const struct error *cause)
{
    char text[LINE_TAIL_TEXT], words[sizeof(cause->message)];
    struct error err = *cause;
    cleanup_free char *output = kept_output_text(&build->output);
    struct image_failure failure = {.output = output};
    const char *code = strstr(cause->message, EXIT_MARK), *line = cause_line_text(&build->cause);
    /* The engine refuses a Dockerfile that it cannot read as it refuses any request that is wrong. */
    if (cause->code == ERROR_BUILD_FAILED || cause->code == ERROR_DOCKER_REQUEST) {
        find_words(build, cause->message, words, sizeof(words));
        failure.step = *build->step ? (unsigned)strtoul(build->step + strlen(STEP_MARK), NULL, 10) : 0;
        failure.exit_code = code ? code + strlen(EXIT_MARK) : NULL;
        failure.reason = !code ? words : line ? line : line_tail_text(&build->tail, text);
        describe_failure(build, &failure, &err);
    }
    build_finish(build, &err, NULL, &failure);
}

static void add_label(struct image_build *build);

static void on_built(void *owner, const struct error *err, const char *id)
{
    (void)id;
    struct image_build *build = owner;
    if (!err && *build->interpreter) {
        add_label(build);
        return;
    }
    if (!err) {
        build->call = docker_image_inspect(build->builds->docker, build->image, on_confirmed, build);
        return;
    }
    fail(build, err);
}

/* What went before belongs to steps that have succeeded. */
static void begin_step(struct image_build *build, const char *line)
{
    int length = snprintf(build->step, sizeof(build->step), "%s", line);
    if (length >= (int)sizeof(build->step))
        memcpy(build->step + sizeof(build->step) - sizeof(CUT_MARK), CUT_MARK, sizeof(CUT_MARK));
    snprintf(build->step_told, sizeof(build->step_told), "%s", line);
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

static bool note_interpreter(struct image_build *build, const char *line)
{
    const size_t mark = strlen(IMAGE_INTERPRETER_MARK);
    if (strncmp(line, IMAGE_INTERPRETER_MARK, mark) != 0)
        return false;
    snprintf(build->interpreter, sizeof(build->interpreter), "%s", line + mark);
    return true;
}

/* False: the line only names the cause, or the interpreter. */
static bool note_line(struct image_build *build, const char *line)
{
    if (note_interpreter(build, line))
        return false;
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
    struct image_waiter *waiter = TAILQ_FIRST(&build->waiters);
    while (waiter && !waiter->line)
        waiter = TAILQ_NEXT(waiter, link);
    if (waiter)
        waiter->line(waiter, text, elapsed_ms);
}

/* Builds the image, with labels that say whose it is and what it runs functions with. */
static void build_with_labels(struct image_build *build, struct docker_build *what)
{
    const struct docker_pair labels[] = {{"berth.image", kind_of(build)},
                                         {"berth.runtime", build->runtime},
                                         {"berth.base", build->base},
                                         {"berth.interpreter", build->interpreter}};
    what->tag = build->image;
    what->labels = labels;
    what->label_count = *build->interpreter ? 4 : 3;
    build->call = docker_image_build(build->builds->docker, what, on_line, on_built, build);
}

/* What the image's own commands have told becomes a label of it, by an image on it that is nothing more. */
static void add_label(struct image_build *build)
{
    cleanup_free char *dockerfile = xasprintf("FROM %s\n", build->image);
    struct docker_build what = {.dockerfile = dockerfile};
    build_with_labels(build, &what);
    build->interpreter[0] = '\0'; /* it is told once */
}

static void start_build(struct image_build *build)
{
    struct docker_pair arguments[ARGUMENTS_MAX + HOST_PROXIES_MAX];
    for (size_t i = 0; i < build->argument_count; i++)
        arguments[i] = (struct docker_pair){build->arguments[i].name, build->arguments[i].value};
    struct docker_build what = {
        .context = build->folder,
        .dockerfile = build->dockerfile,
        .file = build->file,
        .arguments = arguments,
        .argument_count = build->argument_count + host_environment_proxies(arguments + build->argument_count),
    };
    build->started_ms = clock_ms();
    log_info("image.build", LOG_STR("runtime", build->runtime), LOG_STR("image", build->image));
    build_with_labels(build, &what);
}

static void on_looked(void *owner, const struct error *err, const struct docker_image *image)
{
    struct image_build *build = owner;
    if (!err)
        build_finish(build, NULL, image, NULL);
    else if (err->code == ERROR_NOT_FOUND)
        start_build(build);
    else
        build_finish(build, err, NULL, NULL);
}

static struct image_build *find(struct image_builds *builds, const char *image)
{
    struct image_build *build;
    TAILQ_FOREACH(build, &builds->list, link)
    {
        if (!build->ending && strcmp(build->image, image) == 0)
            return build;
    }
    return NULL;
}

static struct image_build *begin(struct image_builds *builds, const struct image_recipe *recipe)
{
    struct image_build *build = xcalloc(1, sizeof(*build));
    build->builds = builds;
    build->kind = recipe->kind;
    TAILQ_INIT(&build->waiters);
    kept_output_init(&build->output);
    snprintf(build->image, sizeof(build->image), "%s", recipe->image);
    build->runtime = xstrdup(recipe->runtime);
    build->base = xstrdup(recipe->base);
    build->folder = recipe->folder ? xstrdup(recipe->folder) : NULL;
    build->dockerfile = recipe->dockerfile ? xstrdup(recipe->dockerfile) : NULL;
    build->file = recipe->file ? xstrdup(recipe->file) : NULL;
    for (; build->argument_count < recipe->argument_count && build->argument_count < ARGUMENTS_MAX;
         build->argument_count++) {
        const struct docker_pair *argument = &recipe->arguments[build->argument_count];
        build->arguments[build->argument_count] = (struct argument){argument->name, xstrdup(argument->value)};
    }
    TAILQ_INSERT_TAIL(&builds->list, build, link);
    build->call = docker_image_inspect(builds->docker, build->image, on_looked, build);
    return build;
}

void image_build_join(struct image_builds *builds, const struct image_recipe *recipe,
                      struct image_waiter *waiter)
{
    struct image_build *build = find(builds, recipe->image);
    waiter->build = build ? build : begin(builds, recipe);
    TAILQ_INSERT_TAIL(&waiter->build->waiters, waiter, link);
}

void image_build_progress(const struct image_waiter *waiter, struct image_progress *ret_progress)
{
    const struct image_build *build = waiter->build;
    *ret_progress = (struct image_progress){.last_line = ""};
    if (!build || build->started_ms == 0)
        return;
    ret_progress->building = true;
    ret_progress->since_ms = build->started_ms;
    ret_progress->last_line = kept_output_last(&build->output);
}
