#include "build/dependency_install.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/ident.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "build/host_environment.h"
#include "build/line_tail.h"
#include "build/runtime_image.h"
#include "docker/container.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#define TARGET           "/berth/target"
#define PARALLEL_DEFAULT 2
#define PIDS_MAX         1024
#define LOG_BYTES_MAX    (16u << 20)
#define LAST_LINES_MS    5000 /* how long the end of the output may come after the container's */
#define NETWORK_DEFAULT  "bridge"

/* Queued, then through a container's life, then committed; from any of them to the end by way of the
 * container's removal. */
enum state { QUEUED, CREATING, STARTING, RUNNING, LAST_LINES, REMOVING, COMMITTING };

static const char *const state_names[] = {
    [QUEUED] = "queued",         [CREATING] = "creating", [STARTING] = "starting",     [RUNNING] = "running",
    [LAST_LINES] = "last-lines", [REMOVING] = "removing", [COMMITTING] = "committing",
};

/* One who waits: for an installation, or (`installation` NULL) to be told that the set was there. */
struct dependency_install {
    struct dependency_installs *installs;
    struct installation *installation;
    char key[HASH_HEX_SIZE];
    struct dependency_callbacks callbacks;
    void *context;
    struct dependency_install *prev, *next; /* in installs->served, or installation->waiters */
};

/* A commit under way; `installation` is NULL once that has gone. */
struct committing {
    struct installation *installation;
};

struct installation {
    struct dependency_installs *installs;
    enum state state;
    char key[HASH_HEX_SIZE];
    char *runtime, *image, *function;
    char **argv;
    struct environment environment;
    char *staged;    /* or NULL */
    char *container; /* its id, or NULL */
    struct docker_call *call, *logs, *wait;
    struct committing *committing; /* or NULL */
    struct event *limit;
    struct line_tail out, err; /* the streams' last lines; their order among each other is not known */
    uint64_t started_ms;
    int exit_code;
    bool ending; /* it failed, or its waiters are being told: nobody may join */
    bool failed;
    struct error error;
    struct dependency_install *waiters;
    struct installation *prev, *next;
};

struct dependency_installs {
    struct event_base *base;
    struct docker *docker;
    struct dependency_store *store;
    char *owner, *network;
    unsigned timeout_ms, parallel;
    uint64_t memory_bytes;
    struct event *pump; /* activated when there is something to start or to tell */
    struct installation *list;
    struct dependency_install *served; /* asked for what is there already */
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
    docker_cancel(installation->call);
    docker_cancel(installation->logs);
    docker_cancel(installation->wait);
    if (installation->committing)
        installation->committing->installation = NULL;
    if (installation->limit)
        event_free(installation->limit);
    if (installation->staged)
        dependency_store_discard(installation->installs->store, installation->staged);
    for (char **argument = installation->argv; argument && *argument; argument++)
        free(*argument);
    free(installation->argv);
    environment_clear(&installation->environment);
    free(installation->runtime);
    free(installation->image);
    free(installation->function);
    free(installation->staged);
    free(installation->container);
    free(installation);
}

static void log_end(const struct installation *installation)
{
    uint64_t ms = clock_ms() - installation->started_ms;
    if (installation->failed && strcmp(installation->error.reason, "cancelled") == 0)
        log_info("dependencies.install_cancelled", LOG_STR("key", installation->key));
    else if (installation->failed)
        log_warning("dependencies.install_failed", LOG_STR("key", installation->key),
                    LOG_STR("function", installation->function), LOG_INT("ms", ms),
                    LOG_ERR(&installation->error));
    else
        log_info("dependencies.installed", LOG_STR("key", installation->key),
                 LOG_STR("function", installation->function), LOG_INT("ms", ms));
}

/* The end: tells everyone, whose callbacks may cancel each other and ask for new things. */
static void finish(struct installation *installation)
{
    struct dependency_installs *installs = installation->installs;
    const struct error *err = installation->failed ? &installation->error : NULL;
    installation->ending = true;
    log_end(installation);
    for (struct dependency_install *waiter; (waiter = installation->waiters);) {
        const struct dependency_callbacks callbacks = waiter->callbacks;
        void *context = waiter->context;
        DL_DELETE(installation->waiters, waiter);
        free(waiter);
        callbacks.done(context, err, err ? NULL : installation->key, !err);
    }
    DL_DELETE(installs->list, installation);
    installation_free(installation);
    wake(installs);
}

static void on_committed(void *context, const struct error *err)
{
    struct committing *committing = context;
    struct installation *installation = committing->installation;
    free(committing);
    if (!installation)
        return;
    installation->committing = NULL;
    if (err) {
        installation->failed = true;
        installation->error = *err;
    }
    finish(installation);
}

static void commit_or_finish(struct installation *installation)
{
    if (installation->failed) {
        finish(installation);
        return;
    }
    cleanup_free char *staged = steal(&installation->staged); /* the store's from here on */
    installation->committing = xcalloc(1, sizeof(*installation->committing));
    installation->committing->installation = installation;
    set_state(installation, COMMITTING);
    dependency_store_commit(installation->installs->store, installation->key, staged, on_committed,
                            installation->committing);
}

static void on_removed(void *owner, const struct error *err)
{
    struct installation *installation = owner;
    installation->call = NULL;
    if (err && strcmp(err->reason, "not-found") != 0)
        log_warning("dependencies.container_left", LOG_STR("container", installation->container),
                    LOG_ERR(err));
    commit_or_finish(installation);
}

/* Goes to the end by way of the container's removal. */
static void remove_container(struct installation *installation)
{
    docker_cancel(steal(&installation->logs));
    docker_cancel(steal(&installation->wait));
    event_del(installation->limit);
    set_state(installation, REMOVING);
    installation->call = docker_container_remove(installation->installs->docker, installation->container,
                                                 true, on_removed, installation);
}

/* Ends an installation with installation->error: nobody may join it any more. While the engine is creating
 * the container it has to wait for its id; while it is removed or moved in, for that. */
static void fail(struct installation *installation)
{
    installation->failed = true;
    installation->ending = true;
    switch (installation->state) {
    case QUEUED:
        finish(installation);
        break;
    case STARTING:
        docker_cancel(steal(&installation->call));
        remove_container(installation);
        break;
    case RUNNING:
    case LAST_LINES:
        remove_container(installation);
        break;
    default:
        break;
    }
}

/* Of standard error, where installers put their reasons; of standard output when that is empty. */
static const char *last_lines(const struct installation *installation, char text[LINE_TAIL_TEXT])
{
    return line_tail_text(installation->err.count > 0 ? &installation->err : &installation->out, text);
}

/* The command's exit code and its last lines are known. */
static void judge(struct installation *installation)
{
    char text[LINE_TAIL_TEXT];
    if (installation->exit_code != 0) {
        installation->failed = true;
        error_set(&installation->error, "build", "dependency-install",
                  "the dependencies cannot be installed (exit code %d%s): %s", installation->exit_code,
                  installation->exit_code == 137 ? ", killed, perhaps for want of memory" : "",
                  last_lines(installation, text));
        error_hint(&installation->error, "the whole output is in the daemon's log");
    }
    remove_container(installation);
}

static void on_line(void *owner, const struct docker_line *line)
{
    struct installation *installation = owner;
    cleanup_free char *copy = xstrndup(line->text, line->length);
    size_t length = strlen(copy);
    while (length > 0 && copy[length - 1] == '\r')
        copy[--length] = '\0';
    const char *redrawn = strrchr(copy, '\r'); /* a progress bar: what stands there in the end */
    const char *text = redrawn ? redrawn + 1 : copy;
    uint64_t elapsed_ms = clock_ms() - installation->started_ms;
    line_tail_add(line->stream == DOCKER_STDERR ? &installation->err : &installation->out, text);
    const struct dependency_install *first = installation->waiters;
    if (first && first->callbacks.line)
        first->callbacks.line(first->context, text, elapsed_ms);
}

static void on_logs_end(void *owner, const struct error *err)
{
    (void)err;
    struct installation *installation = owner;
    installation->logs = NULL;
    if (installation->state == LAST_LINES)
        judge(installation);
}

static void arm(struct installation *installation, unsigned ms)
{
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    event_add(installation->limit, &after);
}

static void on_exit_code(void *owner, const struct error *err, int exit_code)
{
    struct installation *installation = owner;
    installation->wait = NULL;
    if (err) {
        installation->error = *err;
        fail(installation);
        return;
    }
    installation->exit_code = exit_code;
    set_state(installation, LAST_LINES);
    if (installation->logs)
        arm(installation, LAST_LINES_MS);
    else
        judge(installation);
}

static void on_started(void *owner, const struct error *err)
{
    struct installation *installation = owner;
    struct docker *docker = installation->installs->docker;
    installation->call = NULL;
    if (err) {
        installation->error = *err;
        error_prefix(&installation->error, "the installer cannot start");
        fail(installation);
        return;
    }
    set_state(installation, RUNNING);
    const struct docker_logs logs = {.follow = true, .tail = -1};
    installation->logs =
        docker_container_logs(docker, installation->container, &logs, on_line, on_logs_end, installation);
    installation->wait = docker_container_wait(docker, installation->container, on_exit_code, installation);
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    struct installation *installation = owner;
    installation->call = NULL;
    if (err) {
        if (!installation->failed)
            installation->error = *err;
        installation->failed = true;
        finish(installation);
        return;
    }
    installation->container = xstrdup(id);
    if (installation->failed) {
        remove_container(installation);
        return;
    }
    set_state(installation, STARTING);
    installation->call = docker_container_start(installation->installs->docker, id, on_started, installation);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct installation *installation = context;
    if (installation->state == LAST_LINES) {
        judge(installation);
        return;
    }
    char text[LINE_TAIL_TEXT];
    error_set(&installation->error, "build", "dependency-timeout",
              "the dependencies were not installed within %u s; the last lines: %s",
              installation->installs->timeout_ms / 1000, last_lines(installation, text));
    fail(installation);
}

/* The daemon's own user where it is not root: it could not remove what another one wrote. */
static unsigned installer_uid(void)
{
    return geteuid() == 0 ? RUNTIME_IMAGE_UID : geteuid();
}

static unsigned installer_gid(void)
{
    return geteuid() == 0 ? RUNTIME_IMAGE_GID : getegid();
}

static void create_container(struct installation *installation)
{
    struct dependency_installs *installs = installation->installs;
    cleanup_free char *ca = host_environment_ca_file();
    cleanup_free char *user = xasprintf("%u:%u", installer_uid(), installer_gid());
    char id[13], name[32];
    ident_random(id, sizeof(id) - 1);
    snprintf(name, sizeof(name), "berth-builder-%s", id);
    const struct docker_bind binds[] = {{installation->staged, TARGET, false}, {ca, HOST_CA_TARGET, true}};
    const struct docker_tmpfs tmpfs = {.target = "/tmp", .executable = true};
    const struct docker_pair labels[] = {{"berth.host", installs->owner},
                                         {"berth.runtime", installation->runtime},
                                         {"berth.builder", installation->key}};
    environment_add(&installation->environment, "HOME", "/tmp");
    host_environment_add_installer(&installation->environment, ca != NULL);
    const struct docker_container container = {
        .name = name,
        .image = installation->image,
        .entrypoint = (const char *const *)installation->argv,
        .environment = (const char *const *)installation->environment.entries,
        .working_dir = "/tmp",
        .user = user,
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(*labels),
        .binds = binds,
        .bind_count = ca ? 2 : 1,
        .tmpfs = &tmpfs,
        .tmpfs_count = 1,
        .limits = {.memory_bytes = installs->memory_bytes, .pids = PIDS_MAX},
        .network = installs->network,
        .read_only_root = true,
        .log_max_bytes = LOG_BYTES_MAX,
    };
    installation->call = docker_container_create(installs->docker, &container, on_created, installation);
}

/* Starts a queued installation; -1 with its error set. */
static int start(struct installation *installation)
{
    struct dependency_installs *installs = installation->installs;
    installation->started_ms = clock_ms();
    installation->limit = evtimer_new(installs->base, on_limit, installation);
    if (!installation->limit)
        return error_errno(&installation->error, "build", ENOMEM, "cannot watch an installation");
    if (dependency_store_stage(installs->store, installer_uid(), installer_gid(), &installation->staged,
                               &installation->error) < 0)
        return -1;
    log_info("dependencies.install", LOG_STR("key", installation->key),
             LOG_STR("runtime", installation->runtime), LOG_STR("function", installation->function));
    set_state(installation, CREATING);
    arm(installation, installs->timeout_ms);
    create_container(installation);
    return 0;
}

static struct installation *first_queued(struct dependency_installs *installs)
{
    struct installation *installation;
    unsigned active = 0;
    DL_FOREACH(installs->list, installation)
    {
        if (installation->state != QUEUED)
            active++;
    }
    if (active >= installs->parallel && !installs->stopping)
        return NULL;
    DL_FOREACH(installs->list, installation)
    {
        if (installation->state == QUEUED)
            return installation;
    }
    return NULL;
}

static void cancel_error(struct error *err)
{
    error_set(err, "build", "cancelled", "the daemon is stopping");
}

static void tell_served(struct dependency_installs *installs)
{
    for (struct dependency_install *waiter; (waiter = installs->served);) {
        struct error err;
        const struct dependency_install copy = *waiter;
        DL_DELETE(installs->served, waiter);
        free(waiter);
        cancel_error(&err);
        copy.callbacks.done(copy.context, installs->stopping ? &err : NULL,
                            installs->stopping ? NULL : copy.key, false);
    }
}

static void on_pump(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct dependency_installs *installs = context;
    tell_served(installs);
    for (struct installation *installation; (installation = first_queued(installs));) {
        if (installs->stopping)
            cancel_error(&installation->error);
        if (installs->stopping || start(installation) < 0) {
            installation->failed = true;
            finish(installation);
        }
    }
    if (installs->stopping && !installs->list && installs->stopped) {
        void (*stopped)(void *) = installs->stopped;
        installs->stopped = NULL;
        stopped(installs->stopped_context);
    }
}

int dependency_installs_create(const struct dependency_installs_options *options,
                               struct dependency_installs **ret_installs, struct error *err)
{
    struct dependency_installs *installs = xcalloc(1, sizeof(*installs));
    *installs = (struct dependency_installs){
        .base = options->base,
        .docker = options->docker,
        .store = options->store,
        .owner = xstrdup(options->owner),
        .network = xstrdup(options->network ? options->network : NETWORK_DEFAULT),
        .timeout_ms = options->timeout_ms ? options->timeout_ms : DEPENDENCY_INSTALL_TIMEOUT_MS,
        .parallel = options->parallel ? options->parallel : PARALLEL_DEFAULT,
        .memory_bytes = options->memory_bytes,
    };
    installs->pump = event_new(options->base, -1, 0, on_pump, installs);
    if (!installs->pump) {
        dependency_installs_destroy(installs);
        return error_errno(err, "build", ENOMEM, "cannot watch installations");
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
    struct installation *installation, *next;
    DL_FOREACH_SAFE(installs->list, installation, next)
    {
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
    for (struct installation *installation; (installation = installs->list);) {
        for (struct dependency_install *waiter; (waiter = installation->waiters);) {
            DL_DELETE(installation->waiters, waiter);
            free(waiter);
        }
        DL_DELETE(installs->list, installation);
        installation_free(installation);
    }
    for (struct dependency_install *waiter; (waiter = installs->served);) {
        DL_DELETE(installs->served, waiter);
        free(waiter);
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
    DL_FOREACH(installs->list, installation)
    {
        if (!installation->ending && strcmp(installation->key, key) == 0)
            return installation;
    }
    return NULL;
}

static char **copy_texts(char *const *texts)
{
    size_t count = 0;
    while (texts[count])
        count++;
    char **copy = xcalloc(count + 1, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(texts[i]);
    return copy;
}

static struct installation *queue_installation(struct dependency_installs *installs, const char *key,
                                               const struct dependency_request *request)
{
    struct installation *installation = xcalloc(1, sizeof(*installation));
    installation->installs = installs;
    installation->state = QUEUED;
    snprintf(installation->key, sizeof(installation->key), "%s", key);
    installation->runtime = xstrdup(request->runtime);
    installation->image = xstrdup(request->image);
    installation->function = request->function ? xstrdup(request->function) : NULL;
    installation->argv = copy_texts(request->dependencies->argv);
    installation->started_ms = clock_ms();
    environment_add(&installation->environment, "BERTH_TARGET", TARGET);
    for (char **entry = request->dependencies->environment; *entry; entry++)
        environment_add_entry(&installation->environment, *entry);
    DL_APPEND(installs->list, installation);
    return installation;
}

struct dependency_install *dependency_installs_ensure(struct dependency_installs *installs,
                                                      const struct dependency_request *request,
                                                      const struct dependency_callbacks *callbacks,
                                                      void *context)
{
    struct dependency_install *waiter = xcalloc(1, sizeof(*waiter));
    *waiter = (struct dependency_install){.installs = installs, .callbacks = *callbacks, .context = context};
    dependency_store_key(request->runtime, request->dependencies, request->image_id, waiter->key);
    struct installation *installation = find_installation(installs, waiter->key);
    if (!installation && dependency_store_has(installs->store, waiter->key)) {
        dependency_store_touch(installs->store, waiter->key);
        log_debug("dependencies.reused", LOG_STR("key", waiter->key), LOG_STR("function", request->function));
        DL_APPEND(installs->served, waiter);
    } else {
        if (!installation)
            installation = queue_installation(installs, waiter->key, request);
        waiter->installation = installation;
        DL_APPEND(installation->waiters, waiter);
    }
    wake(installs);
    return waiter;
}

void dependency_install_cancel(struct dependency_install *install)
{
    if (!install)
        return;
    struct installation *installation = install->installation;
    if (!installation) {
        DL_DELETE(install->installs->served, install);
        free(install);
        return;
    }
    DL_DELETE(installation->waiters, install);
    free(install);
    if (!installation->waiters && !installation->ending && installation->state != COMMITTING) {
        error_set(&installation->error, "build", "cancelled", "nobody waits for it any more");
        fail(installation);
    }
}
