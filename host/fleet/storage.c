#include "fleet/storage.h"

#include "base/strbuf.h"
#include "build/dependency_store.h"
#include "build/package_store.h"

#include <stdlib.h>

struct usage {
    const char **packages, **dependencies; /* owned by the revisions */
    size_t package_count, dependency_count, capacity;
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
    }
    if (*prepared->package_digest)
        usage->packages[usage->package_count++] = prepared->package_digest;
    if (prepared->dependency_key)
        usage->dependencies[usage->dependency_count++] = prepared->dependency_key;
}

void storage_collect(const struct fleet_env *env, struct function *const *functions, size_t count)
{
    struct usage usage = {0};
    for (size_t i = 0; i < count; i++)
        function_each_revision(functions[i], note_revision, &usage);
    if (!usage.preparing) {
        package_store_collect(env->packages, usage.packages, usage.package_count);
        dependency_store_collect(env->dependencies, env->host->dependency_disk_bytes, usage.dependencies,
                                 usage.dependency_count);
    }
    free(usage.packages);
    free(usage.dependencies);
}
