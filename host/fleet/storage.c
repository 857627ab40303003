#include "fleet/storage.h"

#include "base/alloc.h"
#include "prepare/image/image_prune.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/revision_index.h"
#include "prepare/store/state_dir.h"

#include <stdlib.h>

struct usage {
    const char **packages, **dependencies, **images; /* owned by the revisions and what is kept of them */
    size_t package_count, dependency_count, image_count;
    bool preparing;
};

/* Adds a text that is not empty. */
static void note(const char ***texts, size_t *count, const char *text)
{
    if (!text || !*text)
        return;
    *texts = xgrow(*texts, *count, sizeof(**texts));
    (*texts)[(*count)++] = text;
}

static void note_revision(struct revision *revision, void *context)
{
    struct usage *usage = context;
    const struct prepared *prepared = revision_prepared(revision);
    usage->preparing = usage->preparing || revision_current_state(revision) == REVISION_PREPARING;
    note(&usage->packages, &usage->package_count, prepared->package_digest);
    note(&usage->dependencies, &usage->dependency_count, prepared->dependency_key);
    note(&usage->images, &usage->image_count, prepared->image);
    note(&usage->images, &usage->image_count, prepared->runtime_image);
}

/* What is kept can be gone back to. Of dependencies only those of the last good revision are safe: the others
 * are among the unused, which their budget has room for or not. */
static void note_kept(const struct function *function, struct usage *usage)
{
    const struct revision_index *kept = function_kept(function);
    for (size_t i = 0; kept && i < kept->count; i++)
        note(&usage->packages, &usage->package_count, kept->items[i].package_digest);
    for (size_t i = 0; kept && i < kept->count; i++)
        note(&usage->images, &usage->image_count, kept->items[i].image);
    if (kept && kept->count > 0)
        note(&usage->dependencies, &usage->dependency_count, kept->items[0].dependency_key);
}

void storage_collect(const struct fleet_env *env, struct image_prune **prune,
                     struct function *const *functions, size_t count)
{
    struct usage usage = {0};
    for (size_t i = 0; i < count; i++) {
        function_each_revision(functions[i], note_revision, &usage);
        note_kept(functions[i], &usage);
    }
    if (!usage.preparing) {
        state_dir_sort(usage.packages, usage.package_count);
        state_dir_sort(usage.dependencies, usage.dependency_count);
        package_store_collect(env->packages, usage.packages, usage.package_count);
        dependency_store_collect(env->dependencies, env->host->dependency_disk_bytes, usage.dependencies,
                                 usage.dependency_count);
        image_prune_end(*prune);
        const struct image_budget budget = {env->host->runtime_images, env->host->system_images};
        *prune = image_prune_start(env->docker, usage.images, usage.image_count, &budget);
    }
    free(usage.packages);
    free(usage.dependencies);
    free(usage.images);
}
