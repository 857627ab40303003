#include "prepare/store/dependency_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "prepare/store/dependency_names.h"
#include "prepare/store/state_dir.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SETS     "dependencies"
#define NOTES    "dependencies-used"
#define NOTE_MAX 4096 /* bytes of one of them */
#define CLOSED   0311 /* the mode of SETS: not even its owner lists it, whom a container may run as */

struct dependency_store {
    char *state, *sets, *used;
    struct dependency_names names;
    struct background *background;
};

/* The names of all sets that have a note, sorted. The caller frees each and the array. */
static char **names_of(const struct dependency_store *store, char *const *keys, size_t count)
{
    char **names = xcalloc(count, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        char name[HASH_HEX_SIZE];
        dependency_store_name(store, keys[i], name);
        names[i] = xstrdup(name);
    }
    state_dir_sort(names, count);
    return names;
}

static void free_all(char **texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

/* Those of an earlier version, whose names were their keys. */
static int rename_sets(const struct dependency_store *store, char *const *keys, size_t count,
                       struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *before = xasprintf("%s/%s", store->sets, keys[i]);
        cleanup_free char *after = dependency_store_path(store, keys[i]);
        if (rename(before, after) < 0 && errno != ENOENT)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot rename the dependencies %s", before);
    }
    return 0;
}

/* Removes the sets that none of `names` is the name of. */
static int remove_strangers(struct dependency_store *store, char *const *names, size_t count,
                            struct error *err)
{
    char **found;
    size_t found_count;
    if (chmod(store->sets, 0700) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot set the mode of %s", store->sets);
    if (state_dir_digests(store->sets, &found, &found_count, err) < 0)
        return -1;
    for (size_t i = 0; i < found_count; i++) {
        if (state_dir_contains((const char *const *)names, count, found[i]))
            continue;
        cleanup_free char *path = xasprintf("%s/%s", store->sets, found[i]);
        state_dir_remove(store->state, store->background, path);
        log_info("dependencies.removed", LOG_STR("name", found[i]), LOG_STR("reason", "its name is lost"));
    }
    free_all(found, found_count);
    return 0;
}

/* The state directory has no secret, or none that can be read: one of an earlier version, or a new one. */
static int begin_names(struct dependency_store *store, struct error *err)
{
    char **keys;
    size_t count;
    dependency_names_make(&store->names);
    if (state_dir_digests(store->used, &keys, &count, err) < 0)
        return -1;
    char **names = names_of(store, keys, count);
    int rc = rename_sets(store, keys, count, err);
    if (rc == 0)
        rc = remove_strangers(store, names, count, err);
    if (rc == 0)
        rc = dependency_names_write(store->state, &store->names, err);
    free_all(names, count);
    free_all(keys, count);
    return rc;
}

/* Opens what all sets are in. */
static int open_sets(struct dependency_store *store, struct error *err)
{
    if (state_dir_folder(store->state, SETS, CLOSED, &store->sets, err) < 0)
        return -1;
    if (dependency_names_read(store->state, &store->names))
        return 0;
    if (begin_names(store, err) < 0)
        return -1;
    if (chmod(store->sets, CLOSED) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot set the mode of %s", store->sets);
    return 0;
}

int dependency_store_open(const char *state_dir, struct background *background,
                          struct dependency_store **ret_store, struct error *err)
{
    struct dependency_store *store = xcalloc(1, sizeof(*store));
    cleanup_free char *staging = NULL;
    store->background = background;
    if (state_dir_open(state_dir, &store->state, err) < 0 ||
        state_dir_folder(store->state, NOTES, 0755, &store->used, err) < 0 ||
        state_dir_folder(store->state, "staging", 0700, &staging, err) < 0 || open_sets(store, err) < 0) {
        dependency_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void dependency_store_close(struct dependency_store *store)
{
    if (!store)
        return;
    free(store->state);
    free(store->sets);
    free(store->used);
    free(store);
}

static void hash_texts(struct hash *hash, char *const *texts)
{
    for (; texts && *texts; texts++)
        hash_update_text(hash, *texts);
    hash_update_text(hash, NULL);
}

static struct hash *hash_asked(const char *runtime, const struct build_dependencies *dependencies)
{
    struct hash *hash = hash_create();
    hash_update_text(hash, runtime);
    hash_update_text(hash, dependencies->key);
    hash_texts(hash, dependencies->argv);
    hash_texts(hash, dependencies->environment);
    return hash;
}

void dependency_store_key(const char *runtime, const struct build_dependencies *dependencies,
                          const char *image_id, char ret_key[HASH_HEX_SIZE])
{
    struct hash *hash = hash_asked(runtime, dependencies);
    hash_update_text(hash, image_id);
    hash_finish(hash, ret_key);
}

void dependency_store_asked(const char *runtime, const struct build_dependencies *dependencies,
                            char ret_asked[HASH_HEX_SIZE])
{
    hash_finish(hash_asked(runtime, dependencies), ret_asked);
}

const char *dependency_store_dir(const struct dependency_store *store)
{
    return store->sets;
}

void dependency_store_name(const struct dependency_store *store, const char *key,
                           char ret_name[HASH_HEX_SIZE])
{
    dependency_names_get(&store->names, key, ret_name);
}

char *dependency_store_path(const struct dependency_store *store, const char *key)
{
    char name[HASH_HEX_SIZE];
    dependency_store_name(store, key, name);
    return xasprintf("%s/%s", store->sets, name);
}

static char *note_path(const struct dependency_store *store, const char *key)
{
    return xasprintf("%s/%s", store->used, key);
}

bool dependency_store_has(const struct dependency_store *store, const char *key)
{
    cleanup_free char *path = dependency_store_path(store, key);
    return fs_is_dir(path);
}

static int make_folder(const char *staged, const char *name, unsigned uid, unsigned gid, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", staged, name);
    if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot create the directory %s", path);
    if (chown(path, uid, gid) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot hand the directory %s to user %u", path, uid);
    return 0;
}

int dependency_store_stage(struct dependency_store *store, unsigned uid, unsigned gid, char **ret_path,
                           struct error *err)
{
    cleanup_free char *path = state_dir_stage(store->state);
    if (mkdir(path, 0755) < 0 || chmod(path, 0755) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot create the directory %s", path);
    if (make_folder(path, DEPENDENCY_TARGET, uid, gid, err) < 0 ||
        make_folder(path, DEPENDENCY_TMP, uid, gid, err) < 0) {
        background_remove_tree(store->background, path);
        return -1;
    }
    *ret_path = steal(&path);
    return 0;
}

void dependency_store_discard(struct dependency_store *store, const char *staged)
{
    background_remove_tree(store->background, staged);
}

/* What is noted of a set. Without a note it counts as empty, never used, changed and asked for by nobody. */
struct note {
    uint64_t bytes;
    int64_t last_used_ns;
    char stamp[HASH_HEX_SIZE], asked[HASH_HEX_SIZE];
};

static void take_digest(const json_t *json, const char *member, char ret_digest[HASH_HEX_SIZE])
{
    const char *digest = json_string_value(json_object_get(json, member));
    if (digest && hash_is_digest(digest))
        memcpy(ret_digest, digest, HASH_HEX_SIZE);
}

static void read_note(const char *path, struct note *ret_note)
{
    cleanup_free char *text = NULL;
    struct stat status;
    *ret_note = (struct note){0};
    if (stat(path, &status) < 0 || fs_read_file(path, NOTE_MAX, &text, NULL, NULL) < 0)
        return;
    json_t *json = json_loads(text, 0, NULL);
    json_int_t bytes = json_integer_value(json_object_get(json, "bytes"));
    take_digest(json, "stamp", ret_note->stamp);
    take_digest(json, "asked", ret_note->asked);
    json_decref(json);
    ret_note->bytes = bytes > 0 ? (uint64_t)bytes : 0;
    ret_note->last_used_ns = status.st_mtim.tv_sec * INT64_C(1000000000) + status.st_mtim.tv_nsec;
}

char *dependency_store_find(const char *state_dir, const char *asked)
{
    cleanup_free char *notes = xasprintf("%s/" NOTES, state_dir);
    struct dependency_names names;
    char *found = NULL, **keys;
    int64_t used_ns = 0;
    size_t count;
    if (!dependency_names_read(state_dir, &names) || state_dir_digests(notes, &keys, &count, NULL) < 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *key = keys[i];
        cleanup_free char *path = xasprintf("%s/%s", notes, key);
        char name[HASH_HEX_SIZE];
        dependency_names_get(&names, key, name);
        cleanup_free char *set = xasprintf("%s/" SETS "/%s", state_dir, name);
        struct note note;
        read_note(path, &note);
        if (strcmp(note.asked, asked) != 0 || !fs_is_dir(set) || (found && note.last_used_ns < used_ns))
            continue;
        free(found);
        found = steal(&set);
        used_ns = note.last_used_ns;
    }
    free(keys);
    return found;
}

/* A commit or a check on its way through the background thread. */
struct work {
    struct dependency_store *store;
    char key[HASH_HEX_SIZE], asked[HASH_HEX_SIZE];
    char *path; /* of the set */
    char *staged;
    dependency_done_fn *done;
    void *context;
    struct tree_size size;
    char stamp[HASH_HEX_SIZE];
    bool failed;
    struct error error;
};

static void work_free(struct work *work)
{
    free(work->path);
    free(work->staged);
    free(work);
}

/* Background thread: everything in the staged set is on the disk afterwards. What is left of the temporary
 * files goes first, because removing another name of a file would change its stamp. */
static int finish_set(struct work *work, struct error *err)
{
    cleanup_free char *tmp = xasprintf("%s/%s", work->staged, DEPENDENCY_TMP);
    if (fs_remove_tree(tmp, err) < 0)
        return -1;
    cleanup_close int fd = open(work->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot sync %s to the disk", work->path);
    if (tree_measure(work->path, &work->size, err) < 0)
        return -1;
    return tree_stamp(work->path, work->stamp, NULL, err);
}

static void commit_work(void *context)
{
    struct work *work = context;
    work->failed = finish_set(work, &work->error) < 0;
}

static int write_note(struct dependency_store *store, const struct work *work, struct error *err)
{
    cleanup_free char *path = note_path(store, work->key);
    cleanup_free char *text = xasprintf("{\"bytes\": %llu, \"stamp\": \"%s\", \"asked\": \"%s\"}\n",
                                        (unsigned long long)work->size.bytes, work->stamp, work->asked);
    return fs_write_file(path, text, strlen(text), 0644, err);
}

/* Moves the set to its place. A machine that fails right now may forget the move, but not tear the content.
 */
static int move_in(struct dependency_store *store, const struct work *work, struct error *err)
{
    cleanup_free char *path = dependency_store_path(store, work->key);
    if (fs_is_dir(path))
        return 0;
    if (write_note(store, work, err) < 0)
        return -1;
    if (rename(work->path, path) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot move the dependencies to %s", path);
    return 0;
}

static void commit_done(void *context, bool ran)
{
    struct work *work = context;
    int rc = -1;
    if (!ran)
        error_set(&work->error, ERROR_CANCELLED, "the daemon is stopping");
    else if (!work->failed)
        rc = move_in(work->store, work, &work->error);
    if (ran)
        background_remove_tree(work->store->background, work->staged);
    work->done(work->context, rc == 0 ? NULL : &work->error);
    work_free(work);
}

static struct work *work_create(struct dependency_store *store, const char *key, dependency_done_fn *done,
                                void *context)
{
    struct work *work = xcalloc(1, sizeof(*work));
    *work = (struct work){.store = store, .done = done, .context = context};
    snprintf(work->key, sizeof(work->key), "%s", key);
    return work;
}

void dependency_store_commit(struct dependency_store *store, const char *key, const char *asked,
                             const char *staged, dependency_done_fn *done, void *context)
{
    struct work *work = work_create(store, key, done, context);
    snprintf(work->asked, sizeof(work->asked), "%s", asked);
    work->staged = xstrdup(staged);
    work->path = xasprintf("%s/%s", staged, DEPENDENCY_TARGET);
    background_run(store->background, commit_work, commit_done, work);
}

/* Background thread. work->stamp is what the note says. */
static void check_work(void *context)
{
    struct work *work = context;
    char stamp[HASH_HEX_SIZE];
    if (tree_stamp(work->path, stamp, NULL, &work->error) < 0)
        work->failed = true;
    else if (strcmp(stamp, work->stamp) != 0)
        work->failed = error_set(&work->error, ERROR_CHANGED,
                                 "the dependencies were changed on the disk after they were stored") < 0;
}

static void check_done(void *context, bool ran)
{
    struct work *work = context;
    if (!ran)
        error_set(&work->error, ERROR_CANCELLED, "the daemon is stopping");
    work->done(work->context, ran && !work->failed ? NULL : &work->error);
    work_free(work);
}

void dependency_store_check(struct dependency_store *store, const char *key, dependency_done_fn *done,
                            void *context)
{
    struct work *work = work_create(store, key, done, context);
    cleanup_free char *path = note_path(store, key);
    struct note note;
    read_note(path, &note);
    memcpy(work->stamp, note.stamp, sizeof(work->stamp));
    work->path = dependency_store_path(store, key);
    background_run(store->background, check_work, check_done, work);
}

void dependency_store_touch(struct dependency_store *store, const char *key)
{
    cleanup_free char *path = note_path(store, key);
    utimensat(AT_FDCWD, path, NULL, 0);
}

struct dependency_set {
    char key[HASH_HEX_SIZE];
    uint64_t bytes;
    int64_t last_used_ns; /* Unix time */
};

static int compare_use(const void *a, const void *b)
{
    const struct dependency_set *one = a, *other = b;
    if (one->last_used_ns != other->last_used_ns)
        return one->last_used_ns < other->last_used_ns ? -1 : 1;
    return strcmp(one->key, other->key);
}

/* All sets, longest unused first. The caller frees *ret_sets. */
static int list_sets(const struct dependency_store *store, struct dependency_set **ret_sets,
                     size_t *ret_count, struct error *err)
{
    char **keys;
    size_t count;
    if (state_dir_digests(store->used, &keys, &count, err) < 0)
        return -1;
    struct dependency_set *sets = xcalloc(count, sizeof(*sets));
    for (size_t i = 0; i < count; i++) {
        cleanup_free char *key = keys[i];
        cleanup_free char *path = note_path(store, key);
        struct note note;
        read_note(path, &note);
        sets[i].bytes = note.bytes;
        sets[i].last_used_ns = note.last_used_ns;
        snprintf(sets[i].key, sizeof(sets[i].key), "%s", key);
    }
    free(keys);
    if (count > 1)
        qsort(sets, count, sizeof(*sets), compare_use);
    *ret_sets = sets;
    *ret_count = count;
    return 0;
}

void dependency_store_drop(struct dependency_store *store, const char *key)
{
    cleanup_free char *path = dependency_store_path(store, key);
    cleanup_free char *note = note_path(store, key);
    state_dir_remove(store->state, store->background, path);
    unlink(note);
}

static void remove_set(struct dependency_store *store, const struct dependency_set *set)
{
    dependency_store_drop(store, set->key);
    log_info("dependencies.removed", LOG_STR("key", set->key), LOG_INT("bytes", set->bytes));
}

size_t dependency_store_collect(struct dependency_store *store, uint64_t max_bytes, const char *const *in_use,
                                size_t in_use_count)
{
    cleanup_free struct dependency_set *sets = NULL;
    size_t count, removed = 0;
    struct error err;
    if (list_sets(store, &sets, &count, &err) < 0) {
        log_warning("build.collect_failed", LOG_ERR(&err));
        return 0;
    }
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += sets[i].bytes;
    for (size_t i = 0; i < count && total > max_bytes; i++) {
        if (state_dir_contains(in_use, in_use_count, sets[i].key))
            continue;
        remove_set(store, &sets[i]);
        total -= sets[i].bytes;
        removed++;
    }
    return removed;
}
