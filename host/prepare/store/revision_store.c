#include "prepare/store/revision_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "prepare/store/sealed_file.h"
#include "prepare/store/state_dir.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "revisions"
#define INDEX  "index"

struct revision_store {
    char *state, *folder;
    struct background *background;
};

static char *path_of(const struct revision_store *store, const char *function, const char *name)
{
    return xasprintf("%s/%s/%s", store->folder, function, name);
}

int revision_store_open(const char *state_dir, struct background *background,
                        struct revision_store **ret_store, struct error *err)
{
    struct revision_store *store = xcalloc(1, sizeof(*store));
    store->state = xstrdup(state_dir);
    store->background = background;
    if (state_dir_folder(state_dir, FOLDER, 0700, &store->folder, err) < 0) {
        revision_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void revision_store_close(struct revision_store *store)
{
    if (!store)
        return;
    free(store->state);
    free(store->folder);
    free(store);
}

/* What is in a folder, less what begins with a point. The caller frees it with texts_free(). */
static char **list_names(const char *folder)
{
    cleanup_dir DIR *dir = opendir(folder);
    char **names = xgrow(NULL, 0, sizeof(*names));
    size_t count = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        names[count++] = xstrdup(entry->d_name);
        names = xgrow(names, count, sizeof(*names));
    }
    names[count] = NULL;
    return names;
}

char **revision_store_functions(const struct revision_store *store)
{
    return list_names(store->folder);
}

/* --- reading --- */

static void warn(const char *function, const char *path, const struct error *err, const char *next)
{
    log_warning("revisions.damaged", LOG_STR("function", function), LOG_STR("path", path), LOG_ERR(err),
                LOG_STR("next", next));
}

int revision_store_read(const struct revision_store *store, const char *function, const char *digest,
                        struct revision_record *ret_record, struct error *err)
{
    cleanup_free char *path = path_of(store, function, digest);
    json_t *json;
    if (sealed_read(path, &json, err) < 0)
        return -1;
    int rc = revision_record_read(json, ret_record, err);
    json_decref(json);
    if (rc == 0 && strcmp(ret_record->digest, digest) != 0) {
        revision_record_clear(ret_record);
        rc = sealed_damaged(err, "it is of another revision");
    }
    return rc;
}

static int compare_live(const void *a, const void *b)
{
    const struct kept_revision *left = a, *right = b;
    return (left->live_ms < right->live_ms) - (left->live_ms > right->live_ms);
}

/* Makes the index that was lost from the records that there are. */
static void rebuild(const struct revision_store *store, const char *function, char *const *names,
                    struct revision_index *index)
{
    for (; *names; names++) {
        struct revision_record record;
        struct error err;
        if (!hash_is_digest(*names) || revision_store_read(store, function, *names, &record, &err) < 0)
            continue;
        struct kept_revision *item = revision_index_put_first(index, record.digest, record.made_ms);
        item->deployed_ms = record.made_ms;
        memcpy(item->package_digest, record.package_digest, sizeof(item->package_digest));
        item->dependency_key = steal(&record.dependency_key);
        item->image = steal(&record.image);
        revision_record_clear(&record);
    }
    if (index->count > 1)
        qsort(index->items, index->count, sizeof(*index->items), compare_live);
    index->is_changed = true;
}

/* What was being written, or to be removed, when a daemon ended. */
static void remove_strays(const struct revision_store *store, const char *function, char *const *names,
                          const struct revision_index *index)
{
    for (; *names; names++) {
        cleanup_free char *path = path_of(store, function, *names);
        if (strcmp(*names, INDEX) != 0 && !revision_index_find(index, *names))
            unlink(path);
    }
}

bool revision_store_load(const struct revision_store *store, const char *function,
                         struct revision_index *ret_index)
{
    cleanup_free char *folder = xasprintf("%s/%s", store->folder, function);
    cleanup_free char *path = path_of(store, function, INDEX);
    struct revision_index index = {0};
    struct error err;
    json_t *json = NULL;
    if (!fs_is_dir(folder))
        return false;
    char **names = list_names(folder);
    int rc = sealed_read(path, &json, &err);
    if (rc == 0)
        rc = revision_index_read(json, &index, &err);
    json_decref(json);
    if (rc < 0) {
        warn(function, path, &err, "it is made anew from the revisions that are kept; how they did is lost");
        rebuild(store, function, names, &index);
    }
    remove_strays(store, function, names, &index);
    texts_free(names);
    if (index.count == 0) {
        revision_index_clear(&index);
        return false;
    }
    *ret_index = index;
    return true;
}

json_t *revision_store_applied(const struct revision_store *store, const char *function)
{
    cleanup_free char *path = path_of(store, function, INDEX);
    struct error err;
    json_t *json = NULL;
    if (sealed_read(path, &json, &err) < 0)
        return NULL;
    json_t *applied = json_incref(json_object_get(json, "applied"));
    json_decref(json);
    return applied;
}

/* --- writing --- */

void revision_store_save(struct revision_store *store, const char *function,
                         const struct revision_index *index)
{
    cleanup_free char *path = path_of(store, function, INDEX);
    json_t *json = revision_index_to_json(index);
    char *text = sealed_text(json);
    json_decref(json);
    if (text)
        sealed_write(store->background, path, text);
}

struct putting {
    char *path, *package, *folder;
    json_t *json;
};

/* Reading the files takes as long as they are large. */
static void put(void *context)
{
    const struct putting *putting = context;
    json_t *files = revision_record_list_files(putting->package, putting->folder);
    if (files)
        json_object_set_new(putting->json, "files", files);
    cleanup_free char *text = sealed_text(putting->json);
    if (text)
        sealed_write_now(putting->path, text);
}

static void on_put(void *context, bool ran)
{
    struct putting *putting = context;
    if (!ran)
        put(putting);
    free(putting->path);
    free(putting->package);
    free(putting->folder);
    json_decref(putting->json);
    free(putting);
}

bool revision_store_put(struct revision_store *store, const char *function,
                        const struct revision_record *record, const char *package, const char *folder)
{
    json_t *launch = build_launch_to_json(record->launch);
    json_t *json = revision_record_to_json(record);
    bool is_private = !launch || !json || sealed_has_password(launch);
    json_decref(launch);
    if (is_private) {
        json_decref(json);
        return false;
    }
    struct putting *putting = xcalloc(1, sizeof(*putting));
    *putting = (struct putting){.path = path_of(store, function, record->digest),
                                .package = xstrdup(package),
                                .folder = xstrdup(folder),
                                .json = json};
    background_run(store->background, put, on_put, putting);
    return true;
}

static void drop(void *context)
{
    unlink(context);
}

static void on_dropped(void *context, bool ran)
{
    if (!ran)
        drop(context);
    free(context);
}

void revision_store_drop(struct revision_store *store, const char *function, const char *digest)
{
    background_run(store->background, drop, on_dropped, path_of(store, function, digest));
}

void revision_store_collect(struct revision_store *store,
                            bool (*is_wanted)(const void *context, const char *function), const void *context)
{
    char **names = list_names(store->folder);
    for (char **name = names; *name; name++) {
        cleanup_free char *folder = xasprintf("%s/%s", store->folder, *name);
        if (!is_wanted(context, *name))
            state_dir_remove(store->state, store->background, folder);
    }
    texts_free(names);
}
