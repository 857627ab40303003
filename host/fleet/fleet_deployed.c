#include "fleet/fleet_inside.h"

#include "base/alloc.h"
#include "config/deployed_entry.h"
#include "prepare/plugins.h"
#include "prepare/store/deployment_store.h"
#include "prepare/store/revision_store.h"

#include <string.h>

/* That an entry of the registry's file has been left out belongs to a function that is as it was, which has
 * no word in the log otherwise. */
static void log_left_out(const struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->function && strcmp(item->function, name) == 0 && item->file &&
            strcmp(item->file, registry->path) == 0)
            diagnostic_log("config.diagnostic", item);
    }
}

static void add(const struct fleet *fleet, const char *name, struct registry *registry)
{
    size_t language_count;
    const struct language *languages = plugins_languages(fleet->env.plugins, &language_count);
    struct deployment deployment = {0};
    struct error err = {0};
    deployment_store_read(fleet->state_dir, name, &deployment, &err);
    const struct deployed_entry entry = {.name = name,
                                         .base = deployment.base ? deployment.base : fleet->state_dir,
                                         .deployment = deployment.json,
                                         .problem = err.message};
    registry_add_deployed(registry, &entry, languages, language_count);
    deployment_clear(&deployment);
    log_left_out(registry, name);
}

void fleet_add_deployed(const struct fleet *fleet, struct registry *registry)
{
    char **names = deployment_store_names(fleet->state_dir);
    for (char **name = names; *name; name++)
        add(fleet, *name, registry);
    texts_free(names);
}

static bool is_deployed(const struct function *function)
{
    return !function_is_removed(function) && function_latest_settings(function)->deployment;
}

bool fleet_has_deployed(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        if (is_deployed(fleet->functions[i]))
            return true;
    }
    return false;
}

static bool is_among(char **names, const char *name)
{
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

/* Of the functions that revisions are kept of. */
static bool has_kept(const struct fleet *fleet)
{
    char **kept = revision_store_functions(fleet->env.revisions);
    char **deployed = deployment_store_names(fleet->state_dir);
    bool has = false;
    for (char **name = kept; *name && !has; name++)
        has = !is_among(deployed, *name);
    texts_free(kept);
    texts_free(deployed);
    return has;
}

bool fleet_has_registered(const struct fleet *fleet)
{
    if (!fleet->applied)
        return has_kept(fleet);
    for (size_t i = 0; i < fleet->count; i++) {
        if (!function_is_removed(fleet->functions[i]) && !is_deployed(fleet->functions[i]))
            return true;
    }
    return false;
}

void fleet_remove_undeployed(struct fleet *fleet, const struct generation *generation)
{
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        if (is_deployed(function) && !function_is_of(function, generation))
            fleet_function_remove(fleet, function, "removed over the API");
    }
}
