/* Volumes of a function once they are read: compared, kept with a revision, given back. */
#include "config/function_volumes.h"

#include "base/alloc.h"
#include "base/ident.h"
#include "base/json.h"

#include <stdlib.h>

void function_volumes_clear(struct function_settings *settings)
{
    for (size_t i = 0; i < settings->volume_count; i++) {
        free(settings->volumes[i].name);
        free(settings->volumes[i].path);
        free(settings->volumes[i].target);
    }
    free(settings->volumes);
    settings->volumes = NULL;
    settings->volume_count = 0;
}

void function_volumes_hash(const struct function_settings *settings, struct hash *hash)
{
    for (size_t i = 0; i < settings->volume_count; i++) {
        const struct function_volume *volume = &settings->volumes[i];
        hash_update_text(hash, volume->name);
        hash_update_text(hash, volume->path);
        hash_update_text(hash, volume->target);
        hash_update(hash, &volume->read_only, sizeof(volume->read_only));
    }
}

json_t *function_volumes_keep(const struct function_settings *settings)
{
    json_t *kept = json_object();
    for (size_t i = 0; i < settings->volume_count; i++) {
        const struct function_volume *volume = &settings->volumes[i];
        json_object_set_new(kept, volume->target,
                            json_pack("{s:o, s:o, s:b}", "name", json_text(volume->name), "path",
                                      json_text(volume->path), "read_only", volume->read_only));
    }
    return kept;
}

int function_volumes_recall(const json_t *kept, struct function_settings *settings)
{
    const char *target;
    json_t *item;
    if (!json_is_object(kept) || json_object_size(kept) > FUNCTION_VOLUMES_MAX)
        return -1;
    settings->volumes = xcalloc(json_object_size(kept), sizeof(*settings->volumes));
    json_object_foreach((json_t *)kept, target, item)
    {
        struct function_volume *volume = &settings->volumes[settings->volume_count++];
        *volume = (struct function_volume){.name = json_text_copy(item, "name"),
                                           .path = json_text_copy(item, "path"),
                                           .target = xstrdup(target),
                                           .read_only = json_is_true(json_object_get(item, "read_only"))};
        bool named = volume->name && ident_is_name(volume->name);
        if (target[0] != '/' || named == (volume->path != NULL))
            return -1;
    }
    return 0;
}
