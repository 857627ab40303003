#include "config/function_schedules.h"
#include "config/function_secrets.h"
#include "config/function_settings.h"
#include "config/function_volumes.h"
#include "config/host_settings.h"
#include "config/registry.h"

#include <string.h>

static void hash_pairs(const struct text_pair *pairs, size_t count, struct hash *hash)
{
    for (size_t i = 0; i < count; i++) {
        hash_update_text(hash, pairs[i].name);
        hash_update_text(hash, pairs[i].value);
    }
    hash_update_text(hash, NULL);
}

static void hash_settings_of_containers(const struct function_settings *settings, struct hash *hash)
{
    hash_pairs(settings->environment, settings->environment_count, hash);
    function_secrets_hash(settings, hash);
}

void function_settings_hash(const struct function_settings *settings, enum setting_change change,
                            struct hash *hash)
{
    setting_hash_all(&function_table, settings, change, hash);
    setting_hash_all(&configuration_table, settings, change, hash);
    if (change == CHANGE_REPLACES)
        hash_settings_of_containers(settings, hash);
    if (change == CHANGE_REPLACES)
        function_volumes_hash(settings, hash);
    if (change == CHANGE_APPLIES)
        hash_pairs(settings->labels, settings->label_count, hash);
    if (change == CHANGE_APPLIES)
        function_schedules_hash(settings, hash);
    if (change == CHANGE_PREPARES)
        hash_pairs(settings->options, settings->option_count, hash);
}

void host_settings_apply(struct host_settings *settings, const struct host_settings *now)
{
    setting_copy_applied(&host_table, now, settings);
}

void registry_find_restarts(const struct registry *before, const struct registry *now,
                            struct diagnostics *ret_findings)
{
    struct reporter reporter = {.diagnostics = ret_findings, .file = now->path};
    for (size_t i = 0; i < host_table.count; i++) {
        const struct setting *setting = &host_table.settings[i];
        const struct host_row *row = &now->host_rows[i];
        if (setting->change == CHANGE_RESTARTS && strcmp(row->digest, before->host_rows[i].digest) != 0)
            reporter_warning(&reporter, row->at, "restart berthd when that suits you",
                             "\"%s\" in the section \"host\" has changed, which holds after a restart only",
                             setting->name);
    }
}
