#include "prepare/store/record_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "prepare/store/sealed_file.h"
#include "prepare/store/state_dir.h"

#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORDS "prepared"
#define FORMAT  1

struct record_store {
    char *folder;
    struct background *background;
};

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
    return sealed_is_left_over(name);
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

static int read_record(const json_t *json, struct record *record, struct error *err)
{
    const struct build_subject subject = {.function = json_string_value(json_object_get(json, "function")),
                                          .staged = ""};
    const char *inputs = json_string_value(json_object_get(json, "inputs"));
    if (json_integer_value(json_object_get(json, "format")) != FORMAT || !inputs || !hash_is_digest(inputs))
        return sealed_damaged(err, "its head is of another shape");
    if (build_result_parse(json_object_get(json, "result"), &subject, &record->result, err) < 0)
        return -1;
    free(steal(&record->result->package.staged));
    if (!record->result->ok || !record->result->launch || !*record->result->package.digest)
        return sealed_damaged(err, "its result is not whole");
    memcpy(record->inputs, inputs, sizeof(record->inputs));
    record->dependency_key = json_text_copy(json, "dependencies");
    return 0;
}

int record_parse(const char *text, size_t size, struct record *ret_record, struct error *err)
{
    json_t *json = NULL;
    struct record record = {0};
    int rc = sealed_parse(text, size, &json, err);
    if (rc == 0)
        rc = read_record(json, &record, err);
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
    if (fs_read_file(path, SEALED_FILE_MAX, &text, &size, &err) < 0 ||
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

void record_store_put(struct record_store *store, const char *function, const struct record *record)
{
    json_t *json = json_pack("{s:i, s:s, s:s, s:s*, s:o}", "format", FORMAT, "function", function, "inputs",
                             record->inputs, "dependencies", record->dependency_key, "result",
                             build_result_to_json(record->result));
    char *text = json && !sealed_has_password(json) ? sealed_text(json) : NULL;
    json_decref(json);
    cleanup_free char *path = path_of(store, function);
    if (text)
        sealed_write(store->background, path, text);
    else
        unlink(path); /* a text that is no UTF-8, or not to be kept: it is prepared anew the next time */
}

struct wanted {
    bool (*ask)(const void *context, const char *function);
    const void *context;
};

static bool is_unwanted(const void *context, const char *name)
{
    const struct wanted *wanted = context;
    return !sealed_is_left_over(name) && !wanted->ask(wanted->context, name);
}

void record_store_collect(const struct record_store *store,
                          bool (*is_wanted)(const void *context, const char *function), const void *context)
{
    const struct wanted wanted = {is_wanted, context};
    remove_records(store, is_unwanted, &wanted);
}
