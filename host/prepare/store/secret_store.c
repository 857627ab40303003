#include "prepare/store/secret_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/rfc3339.h"
#include "base/utf8.h"
#include "prepare/store/former_values.h"
#include "prepare/store/secret_key.h"
#include "prepare/store/state_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER    "secrets"
#define SUFFIX    ".sealed"
#define COUNT_MAX 1000
#define TOTAL_MAX (64u << 20) /* bytes of all values */

/* What is kept of one; its place is that of its name among the known ones. */
struct sealed_value {
    unsigned char *bytes;
    size_t size;
    uint64_t set_ms;
};

struct secret_store {
    char *state_dir, *dir, *key_path;
    struct secret_key *key; /* NULL: it has not been needed, or cannot be had */
    struct known_secret *items;
    struct sealed_value *values;
    struct known_secrets known; /* the items */
    size_t count;
    struct former_values former; /* outlives a reload */
};

/* --- names and values --- */

int secret_store_check_name(const char *name, struct error *err)
{
    if (secret_name_is_valid(name))
        return 0;
    error_set(err, ERROR_SECRET_INVALID, "\"%.64s\" cannot be the name of a secret", name);
    return error_hint(err, SECRET_NAME_RULE);
}

/* Why the value cannot be a variable's; NULL: it can. JSON carries it there, and so no other text than UTF-8.
 */
static const char *unfit_for_variable(const struct locked *value)
{
    if (value->size > SECRET_VARIABLE_MAX)
        return "is longer than 64 KiB";
    if (memchr(value->bytes, '\0', value->size))
        return "has a NUL in it";
    for (size_t i = 0, step; i < value->size; i += step) {
        step = utf8_sequence(value->bytes + i, value->size - i);
        if (step == 0)
            return "is no UTF-8";
    }
    return NULL;
}

int secret_store_unknown(const char *name, struct error *err)
{
    error_set(err, ERROR_SECRET_UNKNOWN, "there is no secret \"%.200s\"", name);
    return error_hint(err, "berth secret ls shows those that there are");
}

/* --- what there is --- */

static void clear_item(struct secret_store *store, size_t i)
{
    free(store->items[i].name);
    free(store->items[i].problem);
    free(store->values[i].bytes);
}

static void forget_all(struct secret_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        clear_item(store, i);
    store->count = 0;
    store->known = (struct known_secrets){0};
    secret_key_close(steal(&store->key));
}

static size_t index_of(const struct secret_store *store, const char *name)
{
    const struct known_secret *item = known_secrets_find(&store->known, name);
    return item ? (size_t)(item - store->items) : store->count;
}

static size_t total_size(const struct secret_store *store)
{
    size_t total = 0;
    for (size_t i = 0; i < store->count; i++)
        total += store->values[i].size;
    return total;
}

/* Makes room at the place that the name has in the order. */
static size_t insert(struct secret_store *store, const char *name)
{
    size_t at = 0;
    store->items = xgrow(store->items, store->count, sizeof(*store->items));
    store->values = xgrow(store->values, store->count, sizeof(*store->values));
    while (at < store->count && strcmp(store->items[at].name, name) < 0)
        at++;
    memmove(store->items + at + 1, store->items + at, (store->count - at) * sizeof(*store->items));
    memmove(store->values + at + 1, store->values + at, (store->count - at) * sizeof(*store->values));
    store->items[at] = (struct known_secret){.name = xstrdup(name)};
    store->values[at] = (struct sealed_value){0};
    store->known = (struct known_secrets){store->items, ++store->count};
    return at;
}

/* Looks at the value once, for what can be said of it without it. */
static void examine(struct secret_store *store, size_t at, const struct locked *value)
{
    struct known_secret *item = &store->items[at];
    free(steal(&item->problem));
    item->unfit = unfit_for_variable(value);
    secret_key_digest(store->key, item->name, value->bytes, value->size, item->digest);
}

/* --- the disk --- */

static char *file_of(const struct secret_store *store, const char *name)
{
    return xasprintf("%s/%s" SUFFIX, store->dir, name);
}

/* The secret whose file has this name; NULL: it is something else. The caller frees it. */
static char *name_of(const char *file)
{
    size_t length = strlen(file), suffix = strlen(SUFFIX);
    if (length <= suffix || strcmp(file + length - suffix, SUFFIX) != 0)
        return NULL;
    cleanup_free char *name = xstrndup(file, length - suffix);
    return secret_name_is_valid(name) ? steal(&name) : NULL;
}

static int read_one(struct secret_store *store, const char *name, struct error *err)
{
    cleanup_free char *path = file_of(store, name), *bytes = NULL;
    struct stat status = {0};
    size_t size;
    if (fs_read_file(path, SECRET_VALUE_MAX + SECRET_SEAL_SIZE, &bytes, &size, err) < 0)
        return -1;
    stat(path, &status);
    size_t at = insert(store, name);
    store->values[at] = (struct sealed_value){.bytes = (unsigned char *)steal(&bytes),
                                              .size = size,
                                              .set_ms = (uint64_t)status.st_mtim.tv_sec * 1000 +
                                                        (uint64_t)status.st_mtim.tv_nsec / 1000000};
    return 0;
}

static int read_folder(struct secret_store *store, struct error *err)
{
    cleanup_dir DIR *dir = opendir(store->dir);
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read %s", store->dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        cleanup_free char *name = name_of(entry->d_name);
        if (name && store->count < COUNT_MAX && read_one(store, name, err) < 0)
            return -1;
    }
    return 0;
}

static int unseal(const struct secret_store *store, size_t at, struct locked *ret_value, struct error *err)
{
    if (!store->key)
        return error_set(err, ERROR_SECRET_KEY, "%s", store->items[at].problem);
    return secret_key_unseal(store->key, store->items[at].name, store->values[at].bytes,
                             store->values[at].size, ret_value, err);
}

/* With the key, when it can be had, looks at each; -1: it cannot. */
static int open_key(struct secret_store *store, struct error *err)
{
    struct error why;
    int rc = secret_key_open(store->key_path, &store->key, err);
    for (size_t i = 0; i < store->count; i++) {
        cleanup_locked struct locked value = {0};
        if (store->key && unseal(store, i, &value, &why) == 0) {
            examine(store, i, &value);
            continue;
        }
        free(store->items[i].problem);
        store->items[i].problem = xstrdup(store->key ? why.message : err->message);
    }
    return rc;
}

int secret_store_reload(struct secret_store *store, struct error *err)
{
    struct error why;
    forget_all(store);
    if (read_folder(store, err) < 0)
        return -1;
    if (store->count > 0)
        open_key(store, &why);
    return 0;
}

int secret_store_open(const char *state_dir, const char *key_path, struct secret_store **ret_store,
                      struct error *err)
{
    struct secret_store *store = xcalloc(1, sizeof(*store));
    store->state_dir = xstrdup(state_dir);
    store->dir = xasprintf("%s/" FOLDER, state_dir);
    store->key_path = xstrdup(key_path);
    TAILQ_INIT(&store->former);
    if (secret_store_reload(store, err) < 0) {
        secret_store_close(store);
        return -1;
    }
    *ret_store = store;
    return 0;
}

void secret_store_close(struct secret_store *store)
{
    if (!store)
        return;
    forget_all(store);
    former_values_forget(&store->former, NULL);
    free(store->items);
    free(store->values);
    free(store->state_dir);
    free(store->dir);
    free(store->key_path);
    free(store);
}

/* --- questions --- */

const struct known_secrets *secret_store_known(const struct secret_store *store)
{
    return &store->known;
}

uint64_t secret_store_set_ms(const struct secret_store *store, const char *name)
{
    size_t at = index_of(store, name);
    return at < store->count ? store->values[at].set_ms : 0;
}

int secret_store_reveal(const struct secret_store *store, const char *name, const char *digest,
                        struct locked *ret_value, struct error *err)
{
    size_t at = index_of(store, name);
    if (at == store->count)
        return secret_store_unknown(name, err);
    const struct former_value *former = former_values_find(&store->former, name, digest);
    if (!former || !store->key || strcmp(store->items[at].digest, digest) == 0)
        return unseal(store, at, ret_value, err);
    return secret_key_unseal(store->key, name, former->bytes, former->size, ret_value, err);
}

/* --- changes --- */

/* Whether nothing is kept that was sealed with another key: what was would be lost for good once the file is
 * taken for the right one. */
static int check_key(const struct secret_store *store, struct error *err)
{
    for (size_t i = 0; i < store->count; i++) {
        cleanup_locked struct locked value = {0};
        if (store->items[i].problem && unseal(store, i, &value, err) < 0 && err->code == ERROR_SECRET_KEY)
            return -1;
    }
    return 0;
}

/* A new key is made only while there is nothing that an older one has sealed. */
static int ensure_key(struct secret_store *store, struct error *err)
{
    if (!store->key && store->count == 0 && !fs_exists(store->key_path) &&
        secret_key_make(store->key_path, err) < 0)
        return -1;
    if (!store->key && open_key(store, err) < 0)
        return -1;
    return check_key(store, err);
}

static int check_room(const struct secret_store *store, const char *name, size_t size, struct error *err)
{
    if (size > SECRET_VALUE_MAX)
        return error_set(err, ERROR_SECRET_INVALID, "the value of a secret has at most 1 MiB, not %zu bytes",
                         size);
    bool is_new = index_of(store, name) == store->count;
    if ((is_new && store->count == COUNT_MAX) || total_size(store) + size > TOTAL_MAX)
        return error_set(err, ERROR_SECRET_INVALID, "there are too many secrets: %u, of 64 MiB, are possible",
                         COUNT_MAX);
    return 0;
}

static int write_one(struct secret_store *store, const char *name, const struct sealed_value *value,
                     struct error *err)
{
    cleanup_free char *path = file_of(store, name), *made = NULL;
    if (state_dir_folder(store->state_dir, FOLDER, 0700, &made, err) < 0)
        return -1;
    return fs_write_file(path, value->bytes, value->size, 0600, err);
}

/* The value that gets another one; what could not be opened is of no use to anybody. */
static void set_aside(struct secret_store *store, size_t at)
{
    const struct known_secret *item = &store->items[at];
    struct sealed_value *value = &store->values[at];
    if (*item->digest)
        former_values_add(&store->former, item->name, item->digest, steal(&value->bytes), value->size);
    free(steal(&value->bytes));
}

int secret_store_put(struct secret_store *store, const char *name, const void *value, size_t size,
                     struct error *err)
{
    if (secret_store_check_name(name, err) < 0 || check_room(store, name, size, err) < 0 ||
        ensure_key(store, err) < 0)
        return -1;
    struct sealed_value sealed = {.size = size + SECRET_SEAL_SIZE, .set_ms = wall_clock_ms()};
    sealed.bytes = xmalloc(sealed.size);
    secret_key_seal(store->key, name, value, size, sealed.bytes);
    if (write_one(store, name, &sealed, err) < 0) {
        free(sealed.bytes);
        return -1;
    }
    size_t at = index_of(store, name);
    if (at == store->count)
        at = insert(store, name);
    else
        set_aside(store, at);
    store->values[at] = sealed;
    examine(store, at, &(struct locked){(char *)value, size});
    return 0;
}

int secret_store_remove(struct secret_store *store, const char *name, struct error *err)
{
    size_t at = index_of(store, name);
    if (at == store->count)
        return secret_store_unknown(name, err);
    cleanup_free char *path = file_of(store, name);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_errno(err, COMPONENT_FILES, errno, "cannot remove %s", path);
    former_values_forget(&store->former, name);
    clear_item(store, at);
    store->count--;
    memmove(store->items + at, store->items + at + 1, (store->count - at) * sizeof(*store->items));
    memmove(store->values + at, store->values + at + 1, (store->count - at) * sizeof(*store->values));
    store->known.count = store->count;
    return 0;
}
