#include "prepare/store/revision_record.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/json.h"
#include "config/registry.h"
#include "prepare/store/sealed_file.h"
#include "prepare/store/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT    1
#define FILES_MAX 10000 /* listed */

void revision_record_clear(struct revision_record *record)
{
    free(record->dependency_key);
    free(record->image);
    build_launch_destroy(record->launch);
    free(record->plugin_version);
    json_decref(record->settings);
    json_decref(record->files);
    *record = (struct revision_record){0};
}

json_t *revision_record_to_json(const struct revision_record *record)
{
    return json_pack("{s:i, s:s, s:{s:s, s:I, s:I}, s:s*, s:s, s:o, s:s*, s:I, s:O, s:O*}", "format", FORMAT,
                     "revision", record->digest, "package", "digest", record->package_digest, "bytes",
                     (json_int_t)record->package_bytes, "files", (json_int_t)record->package_files,
                     "dependencies", record->dependency_key, "image", record->image, "launch",
                     build_launch_to_json(record->launch), "plugin", record->plugin_version, "made",
                     (json_int_t)record->made_ms, "settings", record->settings, "files", record->files);
}

static int read_digest(const json_t *object, const char *member, char ret_hex[HASH_HEX_SIZE])
{
    const char *digest = json_string_value(json_object_get(object, member));
    if (!digest || !hash_is_digest(digest))
        return -1;
    memcpy(ret_hex, digest, HASH_HEX_SIZE);
    return 0;
}

/* A number of 0 at least; 0 when it is none. */
static uint64_t number_of(const json_t *object, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(object, member));
    return value > 0 ? (uint64_t)value : 0;
}

static int fill(const json_t *json, struct revision_record *record, struct error *err)
{
    const json_t *package = json_object_get(json, "package");
    json_t *settings = json_object_get(json, "settings"), *files = json_object_get(json, "files");
    if (json_integer_value(json_object_get(json, "format")) != FORMAT ||
        read_digest(json, "revision", record->digest) < 0)
        return sealed_damaged(err, "its head is of another shape");
    if (read_digest(package, "digest", record->package_digest) < 0 || !json_is_object(settings))
        return sealed_damaged(err, "it names no package, or has no settings");
    record->package_bytes = number_of(package, "bytes");
    record->package_files = number_of(package, "files");
    record->dependency_key = json_text_copy(json, "dependencies");
    record->image = json_text_copy(json, "image");
    record->plugin_version = json_text_copy(json, "plugin");
    record->made_ms = number_of(json, "made");
    if ((record->dependency_key && !hash_is_digest(record->dependency_key)) || !record->image ||
        build_launch_read(json_object_get(json, "launch"), &record->launch) < 0)
        return sealed_damaged(err, "how an instance is started is not whole");
    if (!record->launch->command)
        return sealed_damaged(err, "it names no command");
    record->settings = json_incref(settings);
    record->files = json_is_object(files) ? json_incref(files) : NULL;
    return 0;
}

int revision_record_read(const json_t *json, struct revision_record *ret_record, struct error *err)
{
    struct revision_record record = {0};
    if (fill(json, &record, err) < 0) {
        revision_record_clear(&record);
        return -1;
    }
    *ret_record = record;
    return 0;
}

/* --- files --- */

struct listing {
    const char *package, *folder;
    json_t *files;
};

static int list_file(void *context, const struct tree_entry *entry, struct error *err)
{
    const struct listing *listing = context;
    char digest[HASH_HEX_SIZE], path[PATH_MAX];
    if (entry->kind != TREE_FILE && entry->kind != TREE_LINK)
        return 0;
    snprintf(path, sizeof(path), "%s/%s", listing->folder, entry->path);
    if (!fs_exists(path))
        return 0;
    if (json_object_size(listing->files) == FILES_MAX)
        return error_set_in(err, COMPONENT_BUILD, ERROR_TOO_LARGE, "there are too many files");
    snprintf(path, sizeof(path), "%s/%s", listing->package, entry->path);
    if (entry->kind == TREE_FILE && tree_file_digest(path, digest, err) < 0)
        return -1;
    ssize_t length =
        entry->kind == TREE_LINK ? readlinkat(entry->parent, entry->name, path, sizeof(path)) : 0;
    json_t *value = entry->kind == TREE_FILE ? json_string(digest)
                                             : json_sprintf("-> %.*s", length > 0 ? (int)length : 0, path);
    return json_object_set_new(listing->files, entry->path, value) < 0
               ? error_set_in(err, COMPONENT_BUILD, ERROR_IO, "a name is no UTF-8")
               : 0;
}

json_t *revision_record_list_files(const char *package, const char *folder)
{
    struct listing listing = {.package = package, .folder = folder, .files = json_object()};
    struct error err;
    if (tree_walk(package, list_file, &listing, &err) == 0)
        return listing.files;
    json_decref(listing.files);
    return NULL;
}

/* --- changes --- */

/* The members of `one` that are not in `other`, or, with `both`, are there with another value. */
static json_t *names(const json_t *one, const json_t *other, bool both)
{
    json_t *list = json_array();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)one, name, value)
    {
        const json_t *found = json_object_get(other, name);
        if (both ? found && !json_equal(value, found) : !found)
            json_array_append_new(list, json_string(name));
    }
    return list;
}

static json_t *changed_files(const json_t *before, const json_t *after)
{
    if (!before || !after)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "added", names(after, before, false), "changed",
                     names(after, before, true), "removed", names(before, after, false));
}

static bool is_same(const char *one, const char *other)
{
    return one && other ? strcmp(one, other) == 0 : one == other;
}

json_t *revision_record_changes(const struct revision_record *before, const struct revision_record *after)
{
    if (!before)
        return json_pack("{s:n, s:n, s:n, s:n}", "files", "settings", "dependencies", "image");
    return json_pack("{s:o, s:o, s:b, s:b}", "files", changed_files(before->files, after->files), "settings",
                     function_settings_changed(before->settings, after->settings), "dependencies",
                     !is_same(before->dependency_key, after->dependency_key), "image",
                     !is_same(before->image, after->image));
}
