#include "fleet/function_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "prepare/store/dependency_store.h"
#include "prepare/store/package_store.h"
#include "prepare/store/revision_store.h"
#include "prepare/store/secret_store.h"

#include <string.h>

#define SHORT_DIGITS 12 /* of a digest, in a log */

/* The settings that it was made from. What applies at once is what applied last; secrets have the values that
 * they have by now. */
static int read_settings(const struct function *function, struct revision_record *record,
                         struct generation **ret_generation, struct error *err)
{
    struct registry *registry;
    json_t *applied = revision_store_applied(function->env->revisions, function->name);
    if (applied)
        function_settings_keep_applied(record->settings, applied);
    json_decref(applied);
    if (registry_of_kept(function->name, record->settings, &registry, err) < 0)
        return -1;
    if (strcmp(registry->functions[0].name, function->name) != 0) {
        registry_destroy(registry);
        return error_set(err, ERROR_CHANGED, "it is damaged: it is of another function");
    }
    record->secrets_differ =
        function_settings_renew_secrets(&registry->functions[0], secret_store_known(function->env->secrets));
    *ret_generation = generation_create(registry);
    return 0;
}

/* Limits and scale are the newest that are known. */
static void apply(struct function *function, struct revision *revision, struct generation *generation)
{
    if (!function->applied) {
        function->applied_generation = generation_ref(generation);
        function->applied = &generation->registry->functions[0];
    }
    revision_apply(revision, function->applied_generation, function->applied);
}

static void log_restored(const struct function *function, const char *digest)
{
    char since[RFC3339_SIZE] = "";
    const struct kept_revision *item = revision_index_find(function->kept, digest);
    if (item)
        rfc3339_write(item->live_ms, since);
    log_info("revision.restored", LOG_STR("function", function->name),
             LOG_BYTES("revision", digest, SHORT_DIGITS), LOG_STR("live_since", since));
}

struct revision *function_restore(struct function *function, const char *digest,
                                  const struct revision_hooks *hooks, struct error *err)
{
    struct revision_record record;
    struct generation *generation = NULL;
    if (revision_store_read(function->env->revisions, function->name, digest, &record, err) < 0)
        return NULL;
    struct revision *revision = NULL;
    if (read_settings(function, &record, &generation, err) == 0) {
        log_restored(function, digest);
        revision = revision_restore(function->env, generation, &generation->registry->functions[0], &record,
                                    &function->scale, hooks, function);
        apply(function, revision, generation);
        generation_unref(generation);
    }
    revision_record_clear(&record);
    return revision;
}

/* The digest of the newest one that may still be had, or NULL. */
static const char *newest(const struct function *function)
{
    const struct revision_index *kept = function->kept;
    for (size_t i = 0; kept && i < kept->count; i++) {
        if (!kept->items[i].is_gone)
            return kept->items[i].digest;
    }
    return NULL;
}

struct revision *function_restore_newest(struct function *function, const struct revision_hooks *hooks)
{
    for (const char *digest; (digest = newest(function));) {
        struct error err;
        struct revision *revision = function_restore(function, digest, hooks, &err);
        if (revision)
            return revision;
        function_note_gone(function, digest, &err);
    }
    return NULL;
}

const char *function_wanted_kept(const struct function *function)
{
    if (function->rollback)
        return function->rollback;
    if (function->kept && *function->kept->held)
        return function->kept->held;
    return function->lost ? newest(function) : NULL;
}

bool function_is_kept_otherwise(const struct function *function)
{
    const struct revision_index *kept = function->kept;
    return kept && (!*kept->inputs || strcmp(kept->inputs, function->inputs.all) != 0);
}

/* --- going back --- */

static bool serves(const struct function *function, const struct kept_revision *item)
{
    return function->current && strcmp(revision_prepared(function->current)->digest, item->digest) == 0;
}

/* The newest of those that were deployed before the one that serves. */
static const struct kept_revision *find_before(const struct function *function, struct error *err)
{
    const struct revision_index *kept = function->kept;
    const struct kept_revision *found = NULL;
    const struct kept_revision *current =
        function->current ? revision_index_find(kept, revision_prepared(function->current)->digest) : NULL;
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_revision *item = &kept->items[i];
        bool is_older = !current || item->deployed_ms < current->deployed_ms;
        if (is_older && !item->is_gone && (!found || item->deployed_ms > found->deployed_ms))
            found = item;
    }
    if (found)
        return found;
    error_set(err, ERROR_NO_ROLLBACK, "nothing is kept of \"%s\" that is older than what serves",
              function->name);
    error_hint(err, "berth history %s lists what is kept; name a revision to go to that one", function->name);
    return NULL;
}

static const struct kept_revision *find_named(const struct function *function, const char *digest,
                                              struct error *err)
{
    const struct revision_index *kept = function->kept;
    const struct kept_revision *found = NULL;
    size_t length = strlen(digest), count = 0;
    for (size_t i = 0; i < kept->count; i++) {
        if (length == 0 || strncmp(kept->items[i].digest, digest, length) != 0)
            continue;
        found = &kept->items[i];
        count++;
    }
    if (count == 1)
        return found;
    error_set(err, ERROR_REVISION_UNKNOWN,
              count ? "more than one revision that is kept of \"%s\" begins with %s"
                    : "no revision that is kept of \"%s\" begins with %s",
              function->name, digest);
    error_hint(err, "berth history %s lists what is kept", function->name);
    return NULL;
}

/* A first look; whether all of it is as it was is seen when it is tried. */
static bool is_there(const struct function *function, const struct kept_revision *item, struct error *err)
{
    struct revision_record record;
    struct error why;
    cleanup_free char *package = package_store_path(function->env->packages, item->package_digest);
    const char *missing = NULL;
    if (revision_store_read(function->env->revisions, function->name, item->digest, &record, &why) == 0)
        revision_record_clear(&record);
    else
        missing = "the record";
    if (!missing && !fs_is_dir(package))
        missing = "the package";
    if (!missing && item->dependency_key &&
        !dependency_store_has(function->env->dependencies, item->dependency_key))
        missing = "the set of dependencies";
    if (!missing)
        return true;
    error_set(err, ERROR_NO_ROLLBACK, "%s of the revision %.12s is not there any more", missing,
              item->digest);
    error_hint(err, "berth history %s lists what else is kept", function->name);
    return false;
}

const struct kept_revision *function_find_rollback(const struct function *function, const char *digest,
                                                   struct error *err)
{
    if (!function->kept) {
        error_set(err, ERROR_NO_ROLLBACK, "no revision of \"%s\" has served yet", function->name);
        error_hint(err, "a revision is kept once an instance of it has loaded");
        return NULL;
    }
    if (function->lost) {
        error_set(err, ERROR_NO_ROLLBACK,
                  "the registry could not be used since the start, and \"%s\" is as it "
                  "served last",
                  function->name);
        error_hint(err, "berth check shows what is wrong with it");
        return NULL;
    }
    const struct kept_revision *item =
        digest ? find_named(function, digest, err) : find_before(function, err);
    if (!item)
        return NULL;
    if (serves(function, item)) {
        error_set(err, ERROR_NO_ROLLBACK, "the revision %.12s serves already", item->digest);
        error_hint(err, "berth history %s lists the others", function->name);
        return NULL;
    }
    return is_there(function, item, err) ? item : NULL;
}
