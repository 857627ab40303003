#include "fleet/function_inside.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "prepare/plugins.h"
#include "prepare/store/revision_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHORT_DIGITS 12 /* of a digest, in a log or record */

static void note_deployed(struct function *function)
{
    if (function->kept->count > 0)
        function->scale.deployed_ms = function->kept->items[0].deployed_ms;
    if (function->current)
        revision_look_at_warmth(function->current);
}

void function_open_kept(struct function *function)
{
    struct revision_index index;
    if (!revision_store_load(function->env->revisions, function->name, &index))
        return;
    function->kept = xcalloc(1, sizeof(*function->kept));
    *function->kept = index;
    for (size_t i = 0; i < index.count; i++) {
        if (index.items[i].served_ms > function->called_ms)
            function->called_ms = index.items[i].served_ms;
    }
    function->scale.cold_starts = index.cold_starts;
    function->kept->cold_starts = (struct cold_starts){0};
    note_deployed(function);
}

static void digest_applied(const struct function *function, char ret_digest[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    function_settings_hash(function->applied, CHANGE_APPLIES, hash);
    hash_finish(hash, ret_digest);
}

/* What applies at once is that of the last reading without a mistake, whichever revision serves. */
static void add_applied(const struct function *function, struct revision_index *kept)
{
    digest_applied(function, kept->applied_digest);
    kept->applied = function_settings_keep(function->applied);
    json_object_del(kept->applied, "environment"); /* secrets are in the records alone */
    json_object_del(kept->applied, "options");
}

static void save(struct function *function)
{
    struct revision_index *kept = function->kept;
    if (function->applied)
        add_applied(function, kept);
    kept->cold_starts = function->scale.cold_starts; /* only to be written */
    revision_store_save(function->env->revisions, function->name, kept);
    kept->cold_starts = (struct cold_starts){0};
    json_decref(steal(&kept->applied));
    kept->is_changed = false;
    function->scale.cold_starts.is_changed = false;
}

bool function_save_kept(struct function *function)
{
    if (!function->kept || (!function->kept->is_changed && !function->scale.cold_starts.is_changed))
        return false;
    save(function);
    return true;
}

void function_close_kept(struct function *function)
{
    if (!function->kept)
        return;
    function_save_kept(function);
    revision_index_clear(function->kept);
    free(steal(&function->kept));
}

/* --- the list --- */

static bool put_record(const struct function *function, const struct revision *revision)
{
    const struct prepared *prepared = revision_prepared(revision);
    const struct function_settings *settings = revision_settings(revision);
    const struct plugin *plugin = plugins_find(function->env->plugins, settings->language);
    struct revision_record record = {
        .package_bytes = prepared->package_bytes,
        .package_files = prepared->package_files,
        .dependency_key = prepared->dependency_key,
        .image = prepared->image,
        .launch = prepared->launch,
        .plugin_version = plugin ? plugin->version : NULL,
        .made_ms = wall_clock_ms(),
        .settings = function_settings_keep(settings),
    };
    memcpy(record.digest, prepared->digest, sizeof(record.digest));
    memcpy(record.package_digest, prepared->package_digest, sizeof(record.package_digest));
    bool kept = revision_store_put(function->env->revisions, function->name, &record, prepared->code_dir,
                                   settings->folder ? settings->folder : "");
    json_decref(record.settings);
    return kept;
}

void function_trim_kept(struct function *function)
{
    struct revision_index *kept = function->kept;
    while (kept && kept->count > function->env->host->keep_revisions) {
        struct kept_revision *oldest = &kept->items[kept->count - 1];
        revision_store_drop(function->env->revisions, function->name, oldest->digest);
        revision_index_remove(kept, oldest);
        kept->is_changed = true;
    }
}

/* Puts the revision first. False: it is not to be kept. */
static bool keep(struct function *function, const struct revision *revision)
{
    const struct prepared *prepared = revision_prepared(revision);
    bool is_new = !revision_index_find(function->kept, prepared->digest);
    if (is_new && !put_record(function, revision))
        return false;
    uint64_t now_ms = wall_clock_ms();
    struct kept_revision *item = revision_index_put_first(function->kept, prepared->digest, now_ms);
    if (is_new || !revision_is_restored(revision))
        item->deployed_ms = now_ms;
    if (is_new) {
        memcpy(item->package_digest, prepared->package_digest, sizeof(item->package_digest));
        item->dependency_key = prepared->dependency_key ? xstrdup(prepared->dependency_key) : NULL;
        item->image = xstrdup(prepared->image);
        item->modules = revision_modules_to_keep(revision);
    }
    return true;
}

static struct kept_revision *find_item(const struct function *function, const struct revision *revision)
{
    return function->kept ? revision_index_find(function->kept, revision_prepared(revision)->digest) : NULL;
}

void function_note_modules(struct function *function, const struct revision *revision)
{
    struct kept_revision *item = find_item(function, revision);
    if (!item)
        return;
    json_decref(item->modules);
    item->modules = revision_modules_to_keep(revision);
    function->kept->is_changed = true;
}

void function_recall_modules(const struct function *function, struct revision *revision)
{
    const struct kept_revision *item = find_item(function, revision);
    if (item && item->modules)
        revision_take_modules(revision, item->modules);
}

static bool is_first(const struct function *function, const char *digest)
{
    return function->kept && function->kept->count > 0 &&
           strcmp(function->kept->items[0].digest, digest) == 0;
}

static void set_inputs(struct function *function, const char *inputs)
{
    struct revision_index *kept = function->kept;
    kept->is_changed = kept->is_changed || strcmp(kept->inputs, inputs) != 0;
    snprintf(kept->inputs, sizeof(kept->inputs), "%s", inputs);
}

void function_note_live(struct function *function)
{
    const struct revision *revision = function->current;
    if (!is_first(function, revision_prepared(revision)->digest)) {
        if (!function->kept)
            function->kept = xcalloc(1, sizeof(*function->kept));
        if (!keep(function, revision))
            log_info("revision.not-kept", LOG_STR("function", function->name),
                     LOG_STR("why", "how it is started has a password in a URL"));
        function->kept->is_changed = true;
        set_inputs(function, revision_inputs(revision));
        note_deployed(function);
        function_trim_kept(function);
    } else if (*revision_inputs(revision)) {
        set_inputs(function, revision_inputs(revision));
    }
    function_save_kept(function);
}

void function_note_inputs(struct function *function)
{
    if (is_first(function, revision_prepared(function->current)->digest))
        set_inputs(function, revision_inputs(function->current));
    function_save_kept(function);
}

void function_note_applied(struct function *function)
{
    if (!function->kept || !function->applied)
        return;
    char digest[HASH_HEX_SIZE];
    digest_applied(function, digest);
    if (strcmp(digest, function->kept->applied_digest) != 0)
        save(function);
}

void function_note_gone(struct function *function, const char *digest, const struct error *err)
{
    struct kept_revision *item = function->kept ? revision_index_find(function->kept, digest) : NULL;
    log_warning("revision.gone", LOG_STR("function", function->name),
                LOG_BYTES("revision", digest, SHORT_DIGITS), LOG_ERR(err));
    if (item)
        item->is_gone = true;
}

void function_retry_kept(struct function *function)
{
    for (size_t i = 0; function->kept && i < function->kept->count; i++)
        function->kept->items[i].is_gone = false;
}

/* --- gone back to --- */

void function_hold(struct function *function, const char *digest)
{
    struct revision_index *kept = function->kept;
    memcpy(kept->held, digest, sizeof(kept->held));
    memcpy(kept->held_own, function->inputs.own, sizeof(kept->held_own));
    kept->is_changed = true;
}

void function_release(struct function *function, const char *why)
{
    struct revision_index *kept = function->kept;
    if (!kept || !*kept->held)
        return;
    log_info("rollback.ended", LOG_STR("function", function->name),
             LOG_BYTES("revision", kept->held, SHORT_DIGITS), LOG_STR("why", why));
    kept->held[0] = kept->held_own[0] = '\0';
    save(function);
}

/* --- requests --- */

void function_count_request(struct function *function, uint64_t revision, bool failed, uint64_t now_ms)
{
    struct revision_index *kept = function->kept;
    char digits[SHORT_DIGITS + 1];
    function->called_ms = now_ms;
    snprintf(digits, sizeof(digits), "%012llx", (unsigned long long)revision);
    for (size_t i = 0; kept && revision && i < kept->count; i++) {
        struct kept_revision *item = &kept->items[i];
        if (strncmp(item->digest, digits, SHORT_DIGITS) != 0)
            continue;
        item->requests++;
        item->errors += failed;
        item->served_ms = now_ms;
        kept->is_changed = true;
        return;
    }
}

const char *function_held(const struct function *function)
{
    return function->kept && *function->kept->held ? function->kept->held : NULL;
}

const struct revision_index *function_kept(const struct function *function)
{
    return function->kept;
}
