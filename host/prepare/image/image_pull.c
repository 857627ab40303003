#include "prepare/image/image_pull.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/locked.h"
#include "base/log.h"
#include "docker/image.h"
#include "prepare/image/registry_login.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_PAUSE_MS 1000 /* between two lines that are told: an engine says hundreds */

/* For credentials, which goes on in the background. */
struct search {
    struct image_pull *pull; /* NULL: cancelled */
    char *registry;
    struct locked login; /* with none of zeros: there are none */
    bool failed;
    struct error error;
};

struct image_pull {
    struct docker *docker;
    struct background *background;
    const struct image_pull_callbacks *callbacks;
    void *context;
    char *name;
    char *registry; /* as docker_image_registry() calls it; NULL: not known yet */
    bool logs_in; /* with credentials that have been found */
    struct docker_call *call; /* the one under way, or NULL */
    struct search *search; /* likewise */
    uint64_t began_ms, told_ms; /* clock_ms() of the beginning, and of the last line that was told */
    char last_line[200];
};

static void search_free(struct search *search)
{
    locked_clear(&search->login);
    free(search->registry);
    free(search);
}

void image_pull_cancel(struct image_pull *pull)
{
    if (!pull)
        return;
    docker_cancel(pull->call);
    if (pull->search)
        pull->search->pull = NULL;
    free(pull->name);
    free(pull->registry);
    free(pull);
}

const char *image_pull_last_line(const struct image_pull *pull)
{
    return pull->last_line;
}

static void finish(struct image_pull *pull, const struct error *err)
{
    pull->callbacks->done(pull->context, err);
    image_pull_cancel(pull);
}

/* --- what went wrong --- */

static bool has_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strstr(text, *words))
            return true;
    }
    return false;
}

/* The engine tells apart by its words what its registries say. */
static enum error_code classify(const struct error *err)
{
    static const char *const missing[] = {"manifest unknown", "name unknown", "does not exist", NULL};
    static const char *const login[] = {"unauthorized",
                                        "authentication required",
                                        "no basic auth credentials",
                                        "access denied",
                                        "denied: ",
                                        "incorrect username",
                                        NULL};
    if (err->code == ERROR_NOT_FOUND || has_one_of(err->message, missing))
        return ERROR_IMAGE_MISSING;
    return has_one_of(err->message, login) ? ERROR_IMAGE_LOGIN : ERROR_IMAGE_PULL;
}

static void add_hint(const struct image_pull *pull, struct error *err)
{
    const char *login = pull->logs_in ? "the user and password that Docker has for it may be others' or old"
                                      : "Docker has no user and password for it";
    const char *blank = *pull->registry ? " " : "";
    if (err->code == ERROR_IMAGE_MISSING)
        error_hint(err,
                   "check the name, and build the image or push it; if its registry wants a password (%s): "
                   "docker login%s%s, as the user of berthd. Then reload",
                   login, blank, pull->registry);
    else if (err->code == ERROR_IMAGE_LOGIN)
        error_hint(err, "%s: docker login%s%s, as the user of berthd, and reload", login, blank,
                   pull->registry);
    else
        error_hint(err, "see that its registry answers, and reload; the same by hand is: docker pull %s",
                   pull->name);
}

/* What is the engine's own trouble stays as it is. */
static void fail(struct image_pull *pull, const struct error *err)
{
    struct error told;
    if (err->code != ERROR_NOT_FOUND && err->code != ERROR_DOCKER_ERROR &&
        err->code != ERROR_DOCKER_REQUEST) {
        finish(pull, err);
        return;
    }
    error_set(&told, classify(err), "the image %s is not on this machine, and cannot be pulled: %s",
              pull->name, err->message);
    add_hint(pull, &told);
    finish(pull, &told);
}

/* --- the pull --- */

static void on_line(void *owner, const char *line)
{
    struct image_pull *pull = owner;
    uint64_t now_ms = clock_ms();
    snprintf(pull->last_line, sizeof(pull->last_line), "%s", line);
    if (pull->told_ms != 0 && now_ms < pull->told_ms + LINE_PAUSE_MS)
        return;
    pull->told_ms = now_ms;
    pull->callbacks->line(pull->context, line, now_ms - pull->began_ms);
}

static void on_pulled(void *owner, const struct error *err)
{
    struct image_pull *pull = owner;
    pull->call = NULL;
    if (err) {
        fail(pull, err);
        return;
    }
    log_info("image.pulled", LOG_STR("image", pull->name), LOG_INT("took_ms", clock_ms() - pull->began_ms));
    finish(pull, NULL);
}

/* --- the credentials --- */

static void search_work(void *context)
{
    struct search *search = context;
    search->failed = registry_login_find(search->registry, &search->login, &search->error) < 0;
}

static void search_done(void *context, bool ran)
{
    struct search *search = context;
    struct image_pull *pull = search->pull;
    if (pull && ran) {
        pull->search = NULL;
        pull->logs_in = search->login.bytes;
        if (search->failed)
            finish(pull, &search->error);
        else
            pull->call =
                docker_image_pull(pull->docker, pull->name, search->login.bytes, on_line, on_pulled, pull);
    }
    search_free(search);
}

static void on_registry(void *owner, const struct error *err, const char *address)
{
    struct image_pull *pull = owner;
    pull->call = NULL;
    if (err) {
        finish(pull, err);
        return;
    }
    pull->registry = xstrdup(address);
    pull->search = xcalloc(1, sizeof(*pull->search));
    pull->search->pull = pull;
    pull->search->registry = xstrdup(address);
    background_run(pull->background, search_work, search_done, pull->search);
}

struct image_pull *image_pull_start(struct docker *docker, struct background *background, const char *name,
                                    const struct image_pull_callbacks *callbacks, void *context)
{
    struct image_pull *pull = xcalloc(1, sizeof(*pull));
    *pull = (struct image_pull){.docker = docker,
                                .background = background,
                                .callbacks = callbacks,
                                .context = context,
                                .name = xstrdup(name),
                                .began_ms = clock_ms()};
    log_info("image.pull", LOG_STR("image", name));
    pull->call = docker_image_registry(docker, name, on_registry, pull);
    return pull;
}
