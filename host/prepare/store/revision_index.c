#include "prepare/store/revision_index.h"

#include "base/alloc.h"
#include "base/json.h"
#include "prepare/store/sealed_file.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT    1
#define ITEMS_MAX 1000

static void free_item(struct kept_revision *item)
{
    free(item->dependency_key);
    free(item->image);
    json_decref(item->modules);
}

void revision_index_clear(struct revision_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free_item(&index->items[i]);
    free(index->items);
    cold_starts_clear(&index->cold_starts);
    json_decref(index->applied);
    *index = (struct revision_index){0};
}

/* --- as JSON --- */

static json_t *item_json(const struct kept_revision *item)
{
    return json_pack("{s:s, s:s, s:s*, s:s*, s:I, s:I, s:I, s:I, s:I, s:O*}", "revision", item->digest,
                     "package", item->package_digest, "dependencies", item->dependency_key, "image",
                     item->image, "deployed", (json_int_t)item->deployed_ms, "live",
                     (json_int_t)item->live_ms, "served", (json_int_t)item->served_ms, "requests",
                     (json_int_t)item->requests, "errors", (json_int_t)item->errors, "modules",
                     item->modules);
}

json_t *revision_index_to_json(const struct revision_index *index)
{
    json_t *items = json_array();
    for (size_t i = 0; i < index->count; i++)
        json_array_append_new(items, item_json(&index->items[i]));
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:O*, s:o*, s:o}", "format", FORMAT, "inputs", index->inputs,
                     "held", index->held, "held_own", index->held_own, "applied_digest",
                     index->applied_digest, "applied", index->applied, "cold_starts",
                     cold_starts_to_json(&index->cold_starts), "revisions", items);
}

/* A digest, or "" when there is none. */
static void take_digest(const json_t *object, const char *member, char ret_hex[HASH_HEX_SIZE])
{
    const char *digest = json_string_value(json_object_get(object, member));
    if (digest && hash_is_digest(digest))
        memcpy(ret_hex, digest, HASH_HEX_SIZE);
    else
        ret_hex[0] = '\0';
}

static uint64_t number_of(const json_t *object, const char *member)
{
    json_int_t value = json_integer_value(json_object_get(object, member));
    return value > 0 ? (uint64_t)value : 0;
}

static int read_item(const json_t *json, struct kept_revision *item)
{
    char key[HASH_HEX_SIZE];
    take_digest(json, "revision", item->digest);
    take_digest(json, "package", item->package_digest);
    take_digest(json, "dependencies", key);
    item->deployed_ms = number_of(json, "deployed");
    item->live_ms = number_of(json, "live");
    item->served_ms = number_of(json, "served");
    item->requests = number_of(json, "requests");
    item->errors = number_of(json, "errors");
    if (!*item->digest || !*item->package_digest)
        return -1;
    item->dependency_key = *key ? xstrdup(key) : NULL;
    item->image = json_text_copy(json, "image");
    item->modules = json_deep_copy(json_object_get(json, "modules"));
    return 0;
}

static int read_items(const json_t *list, struct revision_index *index)
{
    size_t count = json_array_size(list);
    if (!json_is_array(list) || count > ITEMS_MAX)
        return -1;
    index->items = xcalloc(count, sizeof(*index->items));
    for (; index->count < count; index->count++) {
        if (read_item(json_array_get(list, index->count), &index->items[index->count]) < 0)
            return -1;
    }
    return 0;
}

int revision_index_read(const json_t *json, struct revision_index *ret_index, struct error *err)
{
    struct revision_index index = {0};
    if (json_integer_value(json_object_get(json, "format")) != FORMAT ||
        read_items(json_object_get(json, "revisions"), &index) < 0) {
        revision_index_clear(&index);
        return sealed_damaged(err, "it is of another shape");
    }
    take_digest(json, "inputs", index.inputs);
    take_digest(json, "held", index.held);
    take_digest(json, "held_own", index.held_own);
    take_digest(json, "applied_digest", index.applied_digest);
    cold_starts_read(json_object_get(json, "cold_starts"), &index.cold_starts);
    *ret_index = index;
    return 0;
}

/* --- items --- */

struct kept_revision *revision_index_find(const struct revision_index *index, const char *digest)
{
    for (size_t i = 0; i < index->count; i++) {
        if (strcmp(index->items[i].digest, digest) == 0)
            return &index->items[i];
    }
    return NULL;
}

struct kept_revision *revision_index_put_first(struct revision_index *index, const char *digest,
                                               uint64_t live_ms)
{
    const struct kept_revision *found = revision_index_find(index, digest);
    struct kept_revision item = {0};
    size_t before = found ? (size_t)(found - index->items) : index->count;
    if (found) {
        item = *found;
    } else {
        index->items = xrealloc(index->items, (index->count + 1) * sizeof(*index->items));
        index->count++;
        memcpy(item.digest, digest, HASH_HEX_SIZE);
    }
    memmove(index->items + 1, index->items, before * sizeof(*index->items));
    item.live_ms = live_ms;
    index->items[0] = item;
    return &index->items[0];
}

void revision_index_remove(struct revision_index *index, struct kept_revision *item)
{
    size_t behind = index->count - (size_t)(item - index->items) - 1;
    free_item(item);
    memmove(item, item + 1, behind * sizeof(*item));
    index->count--;
}
