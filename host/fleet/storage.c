#include "fleet/storage.h"

#include "base/alloc.h"
#include "prepare/image/image_prune.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>

struct usage {
    const char **packages, **dependencies, **images; /* owned by the revisions */
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
}

void storage_collect(const struct fleet_env *env, struct image_prune **prune,
                     struct function *const *functions, size_t count)
{
    struct usage usage = {0};
    for (size_t i = 0; i < count; i++)
        function_each_revision(functions[i], note_revision, &usage);
    if (!usage.preparing) {
        package_store_collect(env->packages, usage.packages, usage.package_count);
        dependency_store_collect(env->dependencies, env->host->dependency_disk_bytes, usage.dependencies,
                                 usage.dependency_count);
        image_prune_end(*prune);
        *prune = image_prune_start(env->docker, usage.images, usage.image_count, env->host->runtime_images);
    }
    free(usage.packages);
    free(usage.dependencies);
    free(usage.images);
}
