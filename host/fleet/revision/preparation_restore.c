/* From what was kept of a revision to what instances are started from: no job is run and nothing is
 * installed. What was kept must be there as it was; only a runtime image that has gone is made again. */
#include "fleet/revision/preparation_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "docker/image.h"
#include "fleet/revision/revision_digest.h"
#include "prepare/image/image_build.h"
#include "prepare/plugins.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"

#include <stdlib.h>
#include <string.h>

static void finish_gone(struct preparation *preparation, const char *what, const char *why)
{
    struct error err;
    error_set(&err, ERROR_REVISION_GONE, "%s of the kept revision %.12s %s", what,
              preparation->prepared.digest, why);
    error_hint(&err, "leave the state directory alone; berth history %s lists what else is kept",
               preparation->settings->name);
    preparation_finish(preparation, &err, NULL);
}

/* --- the image --- */

static void on_image_made(struct preparation *preparation, const struct image_facts *image)
{
    struct prepared *prepared = &preparation->prepared;
    free(prepared->interpreter);
    prepared->interpreter = xstrdup(image->interpreter);
    if (strcmp(prepared->image, image->name) != 0) { /* its plugin has changed since: a revision of its own */
        free(prepared->image);
        prepared->image = xstrdup(image->name);
        revision_digest(preparation->settings, prepared);
    }
    preparation_finish(preparation, NULL, NULL);
}

static void make_image(struct preparation *preparation)
{
    const struct plugin *plugin = plugins_find(preparation->env->plugins, preparation->settings->language);
    const char *dockerfile = preparation->prepared.launch->dockerfile;
    if (dockerfile) {
        preparation->runtime = xstrdup(preparation->settings->language);
        preparation_build_own(preparation, dockerfile, on_image_made);
        return;
    }
    if (!plugin || !plugin->image_dir) {
        finish_gone(preparation, "the image",
                    "is not there any more, and neither is the plugin that makes it");
        return;
    }
    preparation->runtime = xstrdup(plugin->language.name);
    preparation->image_dir = xstrdup(plugin->image_dir);
    preparation_make_image(preparation, on_image_made);
}

/* When nobody can tell, the start of an instance will. */
static void on_image_found(void *owner, const struct error *err, const struct docker_image *image)
{
    struct preparation *preparation = owner;
    preparation->command = NULL;
    if (err && err->code == ERROR_NOT_FOUND) {
        make_image(preparation);
        return;
    }
    const char *interpreter = image ? docker_label(image->labels, "berth.interpreter") : NULL;
    preparation->prepared.interpreter = interpreter ? xstrdup(interpreter) : NULL;
    preparation_finish(preparation, NULL, NULL);
}

static void look_for_image(struct preparation *preparation)
{
    const struct prepared *prepared = &preparation->prepared;
    if (prepared->launch->image)
        preparation_finish(preparation, NULL, NULL);
    else
        preparation->command =
            docker_image_inspect(preparation->env->docker, prepared->image, on_image_found, preparation);
}

/* --- package and dependencies --- */

static void on_dependencies(void *context, const struct error *err)
{
    struct dependency_look *look = context;
    struct preparation *preparation = look->preparation;
    free(look);
    if (!preparation)
        return;
    preparation->look = NULL;
    if (err)
        finish_gone(preparation, "the dependencies", "are not there any more as they were installed");
    else
        look_for_image(preparation);
}

static void on_package(void *context, bool intact)
{
    struct preparation *preparation = context;
    const char *key = preparation->prepared.dependency_key;
    preparation->adoption = NULL;
    if (!intact) {
        finish_gone(preparation, "the package", "is not there any more as it was stored");
        return;
    }
    if (!key) {
        look_for_image(preparation);
        return;
    }
    preparation->look = xcalloc(1, sizeof(*preparation->look));
    preparation->look->preparation = preparation;
    dependency_store_check(preparation->env->dependencies, key, on_dependencies, preparation->look);
}

struct preparation *preparation_restore(struct fleet_env *env, const struct function_settings *settings,
                                        struct revision_record *record, preparation_done_fn *done,
                                        void *owner)
{
    struct preparation *preparation = preparation_create(env, settings, done, owner);
    struct prepared *prepared = &preparation->prepared;
    memcpy(prepared->digest, record->digest, sizeof(prepared->digest));
    memcpy(prepared->package_digest, record->package_digest, sizeof(prepared->package_digest));
    prepared->package_bytes = record->package_bytes;
    prepared->package_files = record->package_files;
    prepared->code_dir = package_store_path(env->packages, record->package_digest);
    if (record->dependency_key)
        preparation_take_dependencies(preparation, record->dependency_key);
    prepared->image = steal(&record->image);
    prepared->launch = steal(&record->launch);
    if (record->secrets_differ)
        revision_digest(settings, prepared);
    preparation->restores = true;
    preparation->adoption =
        package_store_adopt(env->packages, prepared->package_digest, on_package, preparation);
    return preparation;
}
