#include "prepare/store/record_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/redact.h"
#include "prepare/store/state_dir.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS    "prepared"
#define RECORD_MAX (16u << 20) /* bytes of one */
#define FORMAT     1

struct record_store {
    char *folder;
    struct background *background;
};

/* Of a file that was being written when the daemon ended; no function has such a name. */
static bool is_temporary(const char *name)
{
    return strchr(name, '.') != NULL;
}

static char *path_of(const struct record_store *store, const char *function)
{
    return xasprintf("%s/%s", store->folder, function);
}

static void remove_records(const struct record_store *store,
                           bool (*is_to_go)(const void *context, const char *name), const void *context)
{
    cleanup_dir DIR *dir = opendir(store->folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.' || !is_to_go(context, entry->d_name))
            continue;
        cleanup_free char *path = path_of(store, entry->d_name);
        unlink(path);
    }
}

static bool is_left_over(const void *context, const char *name)
{
    (void)context;
    return is_temporary(name);
}

int record_store_open(const char *state_dir, struct background *background, struct record_store **ret_store,
                      struct error *err)
{
    struct record_store *store = xcalloc(1, sizeof(*store));
    store->background = background;
    if (state_dir_folder(state_dir, RECORDS, 0700, &store->folder, err) < 0) {
        record_store_close(store);
        return -1;
    }
    remove_records(store, is_left_over, NULL);
    *ret_store = store;
    return 0;
}

void record_store_close(struct record_store *store)
{
    if (!store)
        return;
    free(store->folder);
    free(store);
}

void record_clear(struct record *record)
{
    free(record->dependency_key);
    build_result_destroy(record->result);
    *record = (struct record){0};
}

static int damaged(struct error *err, const char *what)
{
    return error_set(err, ERROR_CHANGED, "it is damaged: %s", what);
}

static int read_record(const json_t *json, struct record *record, struct error *err)
{
    const struct build_subject subject = {.function = json_string_value(json_object_get(json, "function")),
                                          .staged = ""};
    const char *inputs = json_string_value(json_object_get(json, "inputs"));
    if (json_integer_value(json_object_get(json, "format")) != FORMAT || !inputs || !hash_is_digest(inputs))
        return damaged(err, "its head is of another shape");
    if (build_result_parse(json_object_get(json, "result"), &subject, &record->result, err) < 0)
        return -1;
    free(steal(&record->result->package.staged));
    if (!record->result->ok || !record->result->launch || !*record->result->package.digest)
        return damaged(err, "its result is not whole");
    memcpy(record->inputs, inputs, sizeof(record->inputs));
    record->dependency_key = json_text_copy(json, "dependencies");
    return 0;
}

static void digest_of(const char *text, size_t size, char ret_hex[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update(hash, text, size);
    hash_finish(hash, ret_hex);
}

int record_parse(const char *text, size_t size, struct record *ret_record, struct error *err)
{
    const size_t head = HASH_HEX_SIZE; /* the digest and a newline */
    char digest[HASH_HEX_SIZE];
    if (size < head || text[head - 1] != '\n')
        return damaged(err, "its first line is no digest");
    digest_of(text + head, size - head, digest);
    if (memcmp(digest, text, head - 1) != 0)
        return damaged(err, "it is not what its digest says");
    json_t *json = json_loadb(text + head, size - head, JSON_REJECT_DUPLICATES, NULL);
    struct record record = {0};
    int rc = read_record(json, &record, err);
    json_decref(json);
    if (rc < 0)
        record_clear(&record);
    else
        *ret_record = record;
    return rc;
}

bool record_store_find(const struct record_store *store, const char *function, const char *inputs,
                       struct record *ret_record)
{
    cleanup_free char *path = path_of(store, function);
    cleanup_free char *text = NULL;
    size_t size;
    struct error err;
    if (!*inputs || !fs_exists(path))
        return false;
    if (fs_read_file(path, RECORD_MAX, &text, &size, &err) < 0 ||
        record_parse(text, size, ret_record, &err) < 0) {
        log_warning("prepared.unreadable", LOG_STR("function", function), LOG_STR("path", path),
                    LOG_ERR(&err), LOG_STR("next", "the function is prepared anew"));
        return false;
    }
    if (strcmp(ret_record->inputs, inputs) == 0)
        return true;
    record_clear(ret_record);
    return false;
}

/* --- writing --- */

struct writing {
    char *path, *text;
};

static void write_record(void *context)
{
    const struct writing *writing = context;
    struct error err;
    if (fs_write_file(writing->path, writing->text, strlen(writing->text), 0600, &err) < 0)
        log_warning("prepared.write-failed", LOG_STR("path", writing->path), LOG_ERR(&err));
}

static void on_written(void *context, bool ran)
{
    struct writing *writing = context;
    if (!ran)
        write_record(writing);
    free(writing->path);
    free(writing->text);
    free(writing);
}

/* In the address of an index or a package, as requirements may have it. */
static bool has_password(const char *body)
{
    cleanup_free char *redacted = xstrdup(body);
    redact_urls(redacted);
    return strcmp(redacted, body) != 0;
}

static void drop_record(struct record_store *store, const char *function)
{
    cleanup_free char *path = path_of(store, function);
    unlink(path);
}

void record_store_put(struct record_store *store, const char *function, const struct record *record)
{
    json_t *json = json_pack("{s:i, s:s, s:s, s:s*, s:o}", "format", FORMAT, "function", function, "inputs",
                             record->inputs, "dependencies", record->dependency_key, "result",
                             build_result_to_json(record->result));
    cleanup_free char *body = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!body || has_password(body)) {
        drop_record(store, function);
        return; /* a text that is no UTF-8, or not to be kept: it is prepared anew the next time */
    }
    char digest[HASH_HEX_SIZE];
    digest_of(body, strlen(body), digest);
    struct writing *writing = xcalloc(1, sizeof(*writing));
    writing->path = path_of(store, function);
    writing->text = xasprintf("%s\n%s", digest, body);
    background_run(store->background, write_record, on_written, writing);
}

struct wanted {
    bool (*ask)(const void *context, const char *function);
    const void *context;
};

static bool is_unwanted(const void *context, const char *name)
{
    const struct wanted *wanted = context;
    return !is_temporary(name) && !wanted->ask(wanted->context, name);
}

void record_store_collect(const struct record_store *store,
                          bool (*is_wanted)(const void *context, const char *function), const void *context)
{
    const struct wanted wanted = {is_wanted, context};
    remove_records(store, is_unwanted, &wanted);
}
