#include "prepare/image/image_prune.h"

#include "base/alloc.h"
#include "base/log.h"
#include "docker/image.h"
#include "prepare/image/runtime_image.h"

#include <stdlib.h>
#include <string.h>

struct image_prune {
    struct docker *docker;
    struct docker_call *call;
    struct image_budget budget;
    char **used;
    size_t used_count;
    char **doomed;
    size_t doomed_count, next;
};

static bool contains(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return true;
    }
    return false;
}

static bool is_same_series(const struct prunable_image *one, const struct prunable_image *other)
{
    if (one->kind != other->kind)
        return false;
    return one->kind == IMAGE_SYSTEM || strcmp(one->runtime, other->runtime) == 0;
}

/* By series, the newest first. */
static int compare(const void *a, const void *b)
{
    const struct prunable_image *left = a, *right = b;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    int by_runtime = left->kind == IMAGE_SYSTEM ? 0 : strcmp(left->runtime, right->runtime);
    if (by_runtime != 0)
        return by_runtime;
    if (left->created_s != right->created_s)
        return left->created_s < right->created_s ? 1 : -1;
    return strcmp(left->name, right->name);
}

size_t image_prune_choose(struct prunable_image *images, size_t count, const char *const *used,
                          size_t used_count, const struct image_budget *budget)
{
    size_t doomed = 0;
    unsigned rank = 0;
    struct prunable_image before = {.runtime = ""};
    if (count > 0) /* no images, no array */
        qsort(images, count, sizeof(*images), compare);
    for (size_t i = 0; i < count; i++) {
        bool system = images[i].kind == IMAGE_SYSTEM;
        bool is_used = contains(used, used_count, images[i].name);
        if (!is_same_series(&before, &images[i]))
            rank = 0;
        rank += !system || !is_used;
        before = images[i];
        if (is_used || rank <= (system ? budget->system : budget->of_runtime))
            continue;
        struct prunable_image kept = images[doomed];
        images[doomed++] = images[i];
        images[i] = kept;
    }
    return doomed;
}

static void remove_next(struct image_prune *prune);

static void on_removed(void *owner, const struct error *err)
{
    struct image_prune *prune = owner;
    const char *name = prune->doomed[prune->next++];
    prune->call = NULL;
    if (!err)
        log_info("image.removed", LOG_STR("image", name),
                 LOG_STR("why", "nothing uses it, and there are newer ones"));
    else
        log_debug("image.stays", LOG_STR("image", name), LOG_ERR(err)); /* in use, most likely */
    remove_next(prune);
}

static void remove_next(struct image_prune *prune)
{
    if (prune->next < prune->doomed_count)
        prune->call =
            docker_image_remove(prune->docker, prune->doomed[prune->next], false, on_removed, prune);
}

/* False: it is none of ours. */
static bool find_kind(const char *name, enum image_kind *ret_kind)
{
    static const char *const prefixes[] = {[IMAGE_RUNTIME] = RUNTIME_IMAGE_PREFIX,
                                           [IMAGE_BUILDER] = BUILDER_IMAGE_PREFIX,
                                           [IMAGE_SYSTEM] = SYSTEM_IMAGE_PREFIX,
                                           [IMAGE_FUNCTION] = FUNCTION_IMAGE_PREFIX};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            *ret_kind = (enum image_kind)i;
            return true;
        }
    }
    return false;
}

static void on_listed(void *owner, const struct error *err, const struct docker_image *images, size_t count)
{
    struct image_prune *prune = owner;
    prune->call = NULL;
    if (err)
        return;
    struct prunable_image *candidates = xcalloc(count + 1, sizeof(*candidates));
    size_t candidate_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *runtime = docker_label(images[i].labels, "berth.runtime");
        enum image_kind kind;
        if (runtime && find_kind(images[i].name, &kind))
            candidates[candidate_count++] = (struct prunable_image){
                .name = images[i].name, .runtime = runtime, .kind = kind, .created_s = images[i].created_s};
    }
    prune->doomed_count = image_prune_choose(candidates, candidate_count, (const char *const *)prune->used,
                                             prune->used_count, &prune->budget);
    prune->doomed = xcalloc(prune->doomed_count + 1, sizeof(*prune->doomed));
    for (size_t i = 0; i < prune->doomed_count; i++)
        prune->doomed[i] = xstrdup(candidates[i].name);
    free(candidates);
    remove_next(prune);
}

struct image_prune *image_prune_start(struct docker *docker, const char *const *used, size_t used_count,
                                      const struct image_budget *budget)
{
    static const char *const labels[] = {"berth.image", NULL};
    struct image_prune *prune = xcalloc(1, sizeof(*prune));
    prune->docker = docker;
    prune->budget = *budget;
    prune->used = xcalloc(used_count + 1, sizeof(*prune->used));
    prune->used_count = used_count;
    for (size_t i = 0; i < used_count; i++)
        prune->used[i] = xstrdup(used[i]);
    prune->call = docker_image_list(docker, labels, on_listed, prune);
    return prune;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

void image_prune_end(struct image_prune *prune)
{
    if (!prune)
        return;
    docker_cancel(prune->call);
    free_names(prune->used, prune->used_count);
    free_names(prune->doomed, prune->doomed_count);
    free(prune);
}
