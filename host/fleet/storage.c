#include "fleet/storage.h"

#include "base/strbuf.h"
#include "prepare/image/image_prune.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>

struct usage {
    const char **packages, **dependencies, **images; /* owned by the revisions */
    size_t package_count, dependency_count, image_count, capacity;
    bool preparing;
};

static void note_revision(struct revision *revision, void *context)
{
    struct usage *usage = context;
    const struct prepared *prepared = revision_prepared(revision);
    usage->preparing = usage->preparing || revision_current_state(revision) == REVISION_PREPARING;
    if (usage->package_count == usage->capacity) {
        usage->capacity = usage->capacity ? 2 * usage->capacity : 64;
        usage->packages = xrealloc(usage->packages, usage->capacity * sizeof(*usage->packages));
        usage->dependencies = xrealloc(usage->dependencies, usage->capacity * sizeof(*usage->dependencies));
        usage->images = xrealloc(usage->images, usage->capacity * sizeof(*usage->images));
    }
    if (*prepared->package_digest)
        usage->packages[usage->package_count++] = prepared->package_digest;
    if (prepared->dependency_key)
        usage->dependencies[usage->dependency_count++] = prepared->dependency_key;
    if (prepared->image)
        usage->images[usage->image_count++] = prepared->image;
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
