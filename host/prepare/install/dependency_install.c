#include "prepare/install/dependency_install.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "prepare/install/builder_container.h"
#include "prepare/process/kept_output.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARALLEL_DEFAULT 2
#define NETWORK_DEFAULT  "bridge"

/* What is there is checked, and is the end when it is intact; else it is queued, built and committed. */
enum state { CHECKING, QUEUED, BUILDING, COMMITTING };

static const char *const state_names[] = {
    [CHECKING] = "checking", [QUEUED] = "queued", [BUILDING] = "building", [COMMITTING] = "committing"};

/* One who waits for an installation. */
struct dependency_install {
    struct installation *installation;
    struct dependency_callbacks callbacks;
    void *context;
    TAILQ_ENTRY(dependency_install) link; /* in installation->waiters */
};

/* Something asked of the store; `installation` is NULL once that has gone. */
struct store_work {
    struct installation *installation;
};

struct installation {
    struct dependency_installs *installs;
    enum state state;
    char key[HASH_HEX_SIZE], asked[HASH_HEX_SIZE];
    char *runtime, *image, *code, *function;
    char **argv, **environment;
    char *staged; /* or NULL */
    struct builder *builder;
    struct store_work *work; /* or NULL */
    uint64_t started_ms;
    struct kept_output output;
    bool installed; /* it was not there before */
    bool ending; /* it failed, or its waiters are being told: nobody may join */
    bool failed;
    struct error error;
    TAILQ_HEAD(, dependency_install) waiters;
    TAILQ_ENTRY(installation) link;
};

struct dependency_installs {
    struct event_base *base;
    struct docker *docker;
    struct background *background;
    struct dependency_store *store;
    char *owner, *network;
    struct builder_limits limits;
    void (*starts)(void *context, char *const *argv, char *const *environment);
    void *starts_context;
    unsigned parallel;
    struct event *pump; /* activated when there is something to start or to tell */
    TAILQ_HEAD(, installation) list;
    bool stopping;
    void (*stopped)(void *context);
    void *stopped_context;
};

static void set_state(struct installation *installation, enum state state)
{
    log_debug("dependencies.state", LOG_STR("key", installation->key),
              LOG_STR("from", state_names[installation->state]), LOG_STR("to", state_names[state]));
    installation->state = state;
}

static void wake(struct dependency_installs *installs)
{
    event_active(installs->pump, EV_TIMEOUT, 0);
}

static void installation_free(struct installation *installation)
{
    builder_destroy(installation->builder);
    if (installation->work)
        installation->work->installation = NULL;
    if (installation->staged)
        dependency_store_discard(installation->installs->store, installation->staged);
    kept_output_clear(&installation->output);
    texts_free(installation->argv);
    texts_free(installation->environment);
    free(installation->runtime);
    free(installation->image);
    free(installation->code);
    free(installation->function);
    free(installation->staged);
    free(installation);
}

static void log_end(const struct installation *installation)
{
    uint64_t ms = clock_ms() - installation->started_ms;
    if (installation->failed && installation->error.code == ERROR_CANCELLED)
        log_info("dependencies.install_cancelled", LOG_STR("key", installation->key));
    else if (installation->failed)
        log_warning("dependencies.install_failed", LOG_STR("key", installation->key),
                    LOG_STR("function", installation->function), LOG_INT("ms", ms),
                    LOG_ERR(&installation->error));
    else if (installation->installed)
        log_info("dependencies.installed", LOG_STR("key", installation->key),
                 LOG_STR("function", installation->function), LOG_INT("ms", ms));
    else
        log_debug("dependencies.reused", LOG_STR("key", installation->key),
                  LOG_STR("function", installation->function));
}

/* The end: tells everyone, whose callbacks may cancel each other and ask for new things. */
static void finish(struct installation *installation)
{
    struct dependency_installs *installs = installation->installs;
    const struct error *err = installation->failed ? &installation->error : NULL;
    cleanup_free char *output = err ? kept_output_text(&installation->output) : NULL;
    installation->ending = true;
    log_end(installation);
    for (struct dependency_install *waiter; (waiter = queue_take_first(&installation->waiters, link));) {
        const struct dependency_callbacks callbacks = waiter->callbacks;
        void *context = waiter->context;
        free(waiter);
        callbacks.done(context, err, err ? NULL : installation->key, installation->installed, output);
    }
    TAILQ_REMOVE(&installs->list, installation, link);
    installation_free(installation);
    wake(installs);
}

/* Ends an installation with installation->error: nobody may join it any more. Work in the store and in a
 * builder has to come to its own end first. */
static void fail(struct installation *installation)
{
    installation->failed = true;
    installation->ending = true;
    if (installation->state == QUEUED)
        finish(installation);
    else if (installation->state == BUILDING)
        builder_stop(installation->builder, &installation->error);
}

/* --- the store --- */

static struct store_work *begin_work(struct installation *installation)
{
    installation->work = xcalloc(1, sizeof(*installation->work));
    installation->work->installation = installation;
    return installation->work;
}

/* Whose work it was; NULL when that has gone. */
static struct installation *end_work(void *context)
{
    struct store_work *work = context;
    struct installation *installation = work->installation;
    free(work);
    if (installation)
        installation->work = NULL;
    return installation;
}

static void on_committed(void *context, const struct error *err)
{
    struct installation *installation = end_work(context);
    if (!installation)
        return;
    if (err && !installation->failed) {
        installation->failed = true;
        installation->error = *err;
    }
    installation->installed = !installation->failed;
    finish(installation);
}

static void commit(struct installation *installation)
{
    cleanup_free char *staged = steal(&installation->staged); /* the store's from here on */
    set_state(installation, COMMITTING);
    dependency_store_commit(installation->installs->store, installation->key, installation->asked, staged,
                            on_committed, begin_work(installation));
}

/* What was changed, or is half gone, is never used: it is installed anew. */
static void on_checked(void *context, const struct error *err)
{
    struct installation *installation = end_work(context);
    if (!installation)
        return;
    if (installation->failed || !err) {
        if (!err)
            dependency_store_touch(installation->installs->store, installation->key);
        finish(installation);
        return;
    }
    log_warning("dependencies.changed", LOG_STR("key", installation->key),
                LOG_STR("function", installation->function), LOG_ERR(err));
    dependency_store_drop(installation->installs->store, installation->key);
    set_state(installation, QUEUED);
    wake(installation->installs);
}

/* --- the builder --- */

static void on_line(void *context, const char *line, uint64_t elapsed_ms)
{
    struct installation *installation = context;
    kept_output_add(&installation->output, line);
    const struct dependency_install *first = TAILQ_FIRST(&installation->waiters);
    if (first && first->callbacks.line)
        first->callbacks.line(first->context, line, elapsed_ms);
}

static void on_built(void *context, const struct error *err)
{
    struct installation *installation = context;
    installation->builder = NULL;
    if (!err) {
        commit(installation);
        return;
    }
    installation->failed = true;
    installation->error = *err;
    finish(installation);
}

static int start_builder(struct installation *installation)
{
    static const struct builder_hooks hooks = {.line = on_line, .done = on_built};
    struct dependency_installs *installs = installation->installs;
    const struct builder_spec spec = {
        .base = installs->base,
        .docker = installs->docker,
        .background = installs->background,
        .owner = installs->owner,
        .network = installs->network,
        .runtime = installation->runtime,
        .image = installation->image,
        .key = installation->key,
        .argv = installation->argv,
        .environment = installation->environment,
        .code = installation->code,
        .staged = installation->staged,
        .limits = installs->limits,
    };
    return builder_start(&spec, &hooks, installation, &installation->builder, &installation->error);
}

/* Starts a queued installation; -1 with its error set. */
static int start(struct installation *installation)
{
    installation->started_ms = clock_ms();
    if (dependency_store_stage(installation->installs->store, builder_uid(), builder_gid(),
                               &installation->staged, &installation->error) < 0)
        return -1;
    log_info("dependencies.install", LOG_STR("key", installation->key),
             LOG_STR("runtime", installation->runtime), LOG_STR("function", installation->function));
    struct dependency_installs *installs = installation->installs;
    if (installs->starts)
        installs->starts(installs->starts_context, installation->argv, installation->environment);
    if (start_builder(installation) < 0)
        return -1;
    set_state(installation, BUILDING);
    return 0;
}

static struct installation *first_queued(struct dependency_installs *installs)
{
    struct installation *installation;
    unsigned active = 0;
    TAILQ_FOREACH(installation, &installs->list, link)
    {
        if (installation->state == BUILDING || installation->state == COMMITTING)
            active++;
    }
    if (active >= installs->parallel && !installs->stopping)
        return NULL;
    TAILQ_FOREACH(installation, &installs->list, link)
    {
        if (installation->state == QUEUED)
            return installation;
    }
    return NULL;
}

static void cancel_error(struct error *err)
{
    error_set(err, ERROR_CANCELLED, "the daemon is stopping");
}

static void on_pump(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct dependency_installs *installs = context;
    for (struct installation *installation; (installation = first_queued(installs));) {
        if (installs->stopping)
            cancel_error(&installation->error);
        if (installs->stopping || start(installation) < 0) {
            installation->failed = true;
            finish(installation);
        }
    }
    if (installs->stopping && TAILQ_EMPTY(&installs->list) && installs->stopped) {
        void (*stopped)(void *) = installs->stopped;
        installs->stopped = NULL;
        stopped(installs->stopped_context);
    }
}

/* --- the outside --- */

int dependency_installs_create(const struct dependency_installs_options *options,
                               struct dependency_installs **ret_installs, struct error *err)
{
    struct dependency_installs *installs = xcalloc(1, sizeof(*installs));
    *installs = (struct dependency_installs){
        .base = options->base,
        .docker = options->docker,
        .background = options->background,
        .store = options->store,
        .owner = xstrdup(options->owner),
        .network = xstrdup(options->network ? options->network : NETWORK_DEFAULT),
        .limits = options->limits,
        .starts = options->starts,
        .starts_context = options->starts_context,
        .parallel = options->parallel ? options->parallel : PARALLEL_DEFAULT,
    };
    TAILQ_INIT(&installs->list);
    installs->pump = event_new(options->base, -1, 0, on_pump, installs);
    if (!installs->pump) {
        dependency_installs_destroy(installs);
        return error_errno(err, COMPONENT_BUILD, ENOMEM, "cannot watch installations");
    }
    *ret_installs = installs;
    return 0;
}

void dependency_installs_stop(struct dependency_installs *installs, void (*done)(void *context),
                              void *context)
{
    installs->stopping = true;
    installs->stopped = done;
    installs->stopped_context = context;
    for (struct installation *installation = TAILQ_FIRST(&installs->list), *next; installation;
         installation = next) {
        next = TAILQ_NEXT(installation, link);
        if (installation->state == QUEUED || installation->ending)
            continue;
        cancel_error(&installation->error);
        fail(installation);
    }
    wake(installs);
}

void dependency_installs_destroy(struct dependency_installs *installs)
{
    if (!installs)
        return;
    for (struct installation *installation; (installation = queue_take_first(&installs->list, link));) {
        for (struct dependency_install *waiter; (waiter = queue_take_first(&installation->waiters, link));)
            free(waiter);
        installation_free(installation);
    }
    if (installs->pump)
        event_free(installs->pump);
    free(installs->owner);
    free(installs->network);
    free(installs);
}

static struct installation *find_installation(struct dependency_installs *installs, const char *key)
{
    struct installation *installation;
    TAILQ_FOREACH(installation, &installs->list, link)
    {
        if (!installation->ending && strcmp(installation->key, key) == 0)
            return installation;
    }
    return NULL;
}

/* Queued, or checked first when there is such a set. */
static struct installation *begin_installation(struct dependency_installs *installs, const char *key,
                                               const struct dependency_request *request)
{
    struct installation *installation = xcalloc(1, sizeof(*installation));
    installation->installs = installs;
    installation->state = QUEUED;
    TAILQ_INIT(&installation->waiters);
    kept_output_init(&installation->output);
    snprintf(installation->key, sizeof(installation->key), "%s", key);
    dependency_store_asked(request->runtime, request->dependencies, installation->asked);
    installation->runtime = xstrdup(request->runtime);
    installation->image = xstrdup(request->image);
    installation->code = xstrdup(request->code);
    installation->function = request->function ? xstrdup(request->function) : NULL;
    installation->argv = texts_copy((const char *const *)request->dependencies->argv);
    installation->environment = texts_copy((const char *const *)request->dependencies->environment);
    installation->started_ms = clock_ms();
    TAILQ_INSERT_TAIL(&installs->list, installation, link);
    if (!installs->stopping && dependency_store_has(installs->store, key)) {
        set_state(installation, CHECKING);
        dependency_store_check(installs->store, key, on_checked, begin_work(installation));
    }
    return installation;
}

struct dependency_install *dependency_installs_ensure(struct dependency_installs *installs,
                                                      const struct dependency_request *request,
                                                      const struct dependency_callbacks *callbacks,
                                                      void *context)
{
    char key[HASH_HEX_SIZE];
    dependency_store_key(request->runtime, request->dependencies, request->image_id, key);
    struct dependency_install *waiter = xcalloc(1, sizeof(*waiter));
    *waiter = (struct dependency_install){.callbacks = *callbacks, .context = context};
    waiter->installation = find_installation(installs, key);
    if (!waiter->installation)
        waiter->installation = begin_installation(installs, key, request);
    TAILQ_INSERT_TAIL(&waiter->installation->waiters, waiter, link);
    wake(installs);
    return waiter;
}

void dependency_install_progress(const struct dependency_install *install,
                                 struct dependency_progress *ret_progress)
{
    const struct installation *installation = install->installation;
    *ret_progress = (struct dependency_progress){
        .stage = installation->state == CHECKING ? DEPENDENCIES_CHECKED
                 : installation->state == QUEUED ? DEPENDENCIES_QUEUED
                                                 : DEPENDENCIES_INSTALLED,
        .since_ms = installation->started_ms,
        .last_line = kept_output_last(&installation->output),
    };
}

void dependency_install_cancel(struct dependency_install *install)
{
    if (!install)
        return;
    struct installation *installation = install->installation;
    TAILQ_REMOVE(&installation->waiters, install, link);
    free(install);
    if (TAILQ_EMPTY(&installation->waiters) && !installation->ending && installation->state != COMMITTING) {
        error_set(&installation->error, ERROR_CANCELLED, "nobody waits for it any more");
        fail(installation);
    }
}
