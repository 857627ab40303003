#include "fleet/scale/module_profile.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define LITTLE 8 /* a difference by that part of what is known is none */

static bool is_name(const json_t *json)
{
    size_t length = json_string_length(json);
    return length > 0 && length <= MODULE_NAME_MAX && strlen(json_string_value(json)) == length;
}

/* Objects with two members of which the first is a module's name. */
static bool is_list(const json_t *list, const char *name, const char *other, bool (*is_other)(const json_t *))
{
    const json_t *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > MODULES_MAX)
        return false;
    json_array_foreach(list, i, item)
    {
        if (!is_name(json_object_get(item, name)) || !is_other(json_object_get(item, other)))
            return false;
    }
    return true;
}

static bool is_time(const json_t *json)
{
    return json_is_number(json) && json_number_value(json) >= 0;
}

static bool is_text(const json_t *json)
{
    return json_is_string(json);
}

static struct module_profile *make(const json_t *modules, const json_t *left)
{
    if (!is_list(modules, "name", "ms", is_time) || (left && !is_list(left, "module", "effect", is_text)))
        return NULL;
    struct module_profile *profile = xcalloc(1, sizeof(*profile));
    profile->modules = json_deep_copy(modules);
    profile->left = left ? json_deep_copy(left) : json_array();
    return profile;
}

struct module_profile *module_profile_of_report(const json_t *report)
{
    return make(json_object_get(report, "modules"), NULL);
}

struct module_profile *module_profile_from_json(const json_t *json)
{
    const json_t *memory = json_object_get(json, "memory_bytes");
    struct module_profile *profile = make(json_object_get(json, "modules"), json_object_get(json, "left"));
    if (profile && json_integer_value(memory) > 0)
        profile->memory_bytes = (uint64_t)json_integer_value(memory);
    return profile;
}

json_t *module_profile_to_json(const struct module_profile *profile)
{
    return json_pack("{s:O, s:O, s:I}", "modules", profile->modules, "left", profile->left, "memory_bytes",
                     (json_int_t)profile->memory_bytes);
}

static bool is_in(const json_t *list, const char *member, const json_t *name)
{
    const json_t *item;
    size_t i;
    json_array_foreach(list, i, item)
    {
        if (json_equal(json_object_get(item, member), name))
            return true;
    }
    return false;
}

static bool is_left(const struct module_profile *profile, const json_t *name)
{
    return is_in(profile->left, "module", name);
}

static json_t *find_time(const json_t *report, const json_t *name)
{
    const json_t *module;
    size_t i;
    json_array_foreach(json_object_get(report, "modules"), i, module)
    {
        json_t *ms = json_object_get(module, "ms");
        if (json_equal(json_object_get(module, "name"), name) && is_time(ms))
            return ms;
    }
    return NULL;
}

bool module_profile_note_times(struct module_profile *profile, const json_t *report)
{
    const double before_ms = module_profile_saved_ms(profile);
    json_t *module;
    size_t i;
    json_array_foreach(profile->modules, i, module)
    {
        json_t *ms = find_time(report, json_object_get(module, "name"));
        if (ms && json_number_value(ms) < json_number_value(json_object_get(module, "ms")))
            json_object_set(module, "ms", ms);
    }
    return module_profile_saved_ms(profile) + before_ms / LITTLE < before_ms;
}

bool module_profile_note_memory(struct module_profile *profile, uint64_t bytes)
{
    const uint64_t known = profile->memory_bytes, little = known / LITTLE;
    bool is_other = bytes > 0 && (bytes > known + little || bytes + little < known);
    if (is_other)
        profile->memory_bytes = bytes;
    return is_other;
}

bool module_report_has_effects(const json_t *report)
{
    return json_array_size(json_object_get(report, "effects")) > 0;
}

bool module_profile_leave(struct module_profile *profile, const json_t *report)
{
    const json_t *effects = json_object_get(report, "effects"), *effect;
    size_t i, found = 0;
    if (!is_list(effects, "module", "effect", is_text))
        return false;
    json_array_foreach(effects, i, effect)
    {
        const json_t *name = json_object_get(effect, "module");
        if (!is_in(profile->modules, "name", name) || is_left(profile, name))
            continue;
        json_array_append_new(profile->left, json_deep_copy(effect));
        found++;
    }
    return found > 0;
}

json_t *module_profile_names(const struct module_profile *profile)
{
    json_t *names = json_array();
    const json_t *module;
    size_t i;
    json_array_foreach(profile->modules, i, module)
    {
        json_t *name = json_object_get(module, "name");
        if (!is_left(profile, name))
            json_array_append(names, name);
    }
    return names;
}

double module_profile_saved_ms(const struct module_profile *profile)
{
    double saved_ms = 0;
    const json_t *module;
    size_t i;
    json_array_foreach(profile->modules, i, module)
    {
        if (!is_left(profile, json_object_get(module, "name")))
            saved_ms += json_number_value(json_object_get(module, "ms"));
    }
    return saved_ms;
}

void module_profile_free(struct module_profile *profile)
{
    if (!profile)
        return;
    json_decref(profile->modules);
    json_decref(profile->left);
    free(profile);
}
