#include "admin/volume_view.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "prepare/store/volume_size.h"
#include "prepare/store/volume_store.h"

#include <stdlib.h>
#include <string.h>

#define MEASURE_MS 3000 /* for all that one answer shows */

/* --- who uses it --- */

struct search {
    const char *volume;
    const char *function;
    json_t *users; /* a function once for each place that it has the volume at */
};

static void note_user(const struct search *search, const struct function_volume *volume)
{
    json_t *user = json_pack("{s:s, s:s, s:b}", "name", search->function, "at", volume->target, "read_only",
                             volume->read_only);
    const json_t *other;
    size_t i;
    json_array_foreach(search->users, i, other)
    {
        if (json_equal(other, user)) {
            json_decref(user);
            return;
        }
    }
    json_array_append_new(search->users, user);
}

static void look_into_settings(const struct search *search, const struct function_settings *settings)
{
    for (size_t i = 0; i < settings->volume_count; i++) {
        const char *name = settings->volumes[i].name;
        if (name && strcmp(name, search->volume) == 0)
            note_user(search, &settings->volumes[i]);
    }
}

static void look_into_revision(struct revision *revision, void *context)
{
    look_into_settings(context, revision_settings(revision));
}

json_t *volume_users_json(const struct fleet *fleet, const char *volume)
{
    struct search search = {.volume = volume, .users = json_array()};
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        search.function = function_name(function);
        function_each_revision(function, look_into_revision, &search);
        if (!function_is_removed(function))
            look_into_settings(&search, function_latest_settings(function));
    }
    return search.users;
}

json_t *volume_restart_users(const struct fleet *fleet, const json_t *users)
{
    json_t *restarted = json_array();
    const json_t *user, *last = NULL;
    size_t i;
    json_array_foreach(users, i, user)
    {
        const json_t *name = json_object_get(user, "name");
        struct function *function = fleet_function_find(fleet, json_string_value(name));
        if (!function || (last && json_equal(name, last)))
            continue;
        last = name;
        function_restart(function);
        json_array_append(restarted, (json_t *)name);
    }
    return restarted;
}

/* --- volumes --- */

static json_t *volume_with_users(const struct fleet *fleet, const char *volume, json_t *users)
{
    const struct volume_store *store = fleet_volumes(fleet);
    cleanup_free char *path = volume_store_path(store, volume);
    return json_pack("{s:s, s:o, s:b, s:o}", "name", volume, "path", json_text(path), "is_there",
                     volume_store_has(store, volume), "functions", users);
}

json_t *volume_json(const struct fleet *fleet, const char *volume)
{
    return volume_with_users(fleet, volume, volume_users_json(fleet, volume));
}

bool volume_is_known(const struct fleet *fleet, const char *volume)
{
    json_t *users = volume_users_json(fleet, volume);
    bool is_known = json_array_size(users) > 0 || volume_store_has(fleet_volumes(fleet), volume);
    json_decref(users);
    return is_known;
}

static bool has_volume(const json_t *volumes, const char *name)
{
    const json_t *item;
    size_t i;
    json_array_foreach(volumes, i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
            return true;
    }
    return false;
}

static void add_named(const struct fleet *fleet, const struct function_settings *settings, json_t *volumes)
{
    for (size_t i = 0; i < settings->volume_count; i++) {
        const char *name = settings->volumes[i].name;
        if (name && !has_volume(volumes, name))
            json_array_append_new(volumes, volume_json(fleet, name));
    }
}

json_t *volumes_json(const struct fleet *fleet)
{
    json_t *volumes = json_array();
    char **names = NULL;
    size_t count = 0;
    struct error err;
    volume_store_list(fleet_volumes(fleet), &names, &count, &err);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(volumes, volume_json(fleet, names[i]));
        free(names[i]);
    }
    free(names);
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *function = fleet_function_at(fleet, i);
        if (!function_is_removed(function))
            add_named(fleet, function_latest_settings(function), volumes);
    }
    return volumes;
}

json_t *function_volume_list_json(const struct fleet *fleet, const struct function *function)
{
    json_t *volumes = function_volumes_json(function_applied_settings(function)), *volume;
    size_t i;
    json_array_foreach(volumes, i, volume)
    {
        const char *name = json_string_value(json_object_get(volume, "name"));
        cleanup_free char *path = name ? volume_store_path(fleet_volumes(fleet), name) : NULL;
        if (path)
            json_object_set_new(volume, "path", json_text(path));
    }
    return volumes;
}

void volumes_add_sizes(json_t *volumes)
{
    const uint64_t until_ms = clock_ms() + MEASURE_MS;
    json_t *volume;
    size_t i;
    json_array_foreach(volumes, i, volume)
    {
        struct volume_size size;
        volume_measure(json_string_value(json_object_get(volume, "path")), until_ms, &size);
        json_object_set_new(volume, "size_bytes", json_integer((json_int_t)size.bytes));
        json_object_set_new(volume, "files", json_integer((json_int_t)size.files));
        json_object_set_new(volume, "size_is_whole", json_boolean(size.is_whole));
    }
}
