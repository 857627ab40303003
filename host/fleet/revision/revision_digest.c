#include "fleet/revision/revision_digest.h"

#include "base/cleanup.h"
#include "base/strbuf.h"

#include <inttypes.h>

static void hash_list(struct hash *hash, char *const *list)
{
    for (char *const *entry = list; entry && *entry; entry++)
        hash_update_text(hash, *entry);
    hash_update_text(hash, NULL);
}

static void hash_settings(struct hash *hash, const struct function_settings *settings)
{
    cleanup_free char *numbers = xasprintf(
        "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %.6f %u %u %d %u %u %u %d", settings->concurrency,
        settings->memory_bytes, settings->tmp_bytes, settings->shm_bytes, settings->cpus,
        settings->timeout_ms, settings->stream_idle_ms, (int)settings->request_buffering,
        settings->idle_timeout_ms, settings->min_scale, settings->max_scale, (int)settings->network);
    hash_update_text(hash, settings->language);
    hash_update_text(hash, numbers);
    for (size_t i = 0; i < settings->environment_count; i++) {
        hash_update_text(hash, settings->environment[i].name);
        hash_update_text(hash, settings->environment[i].value);
    }
    hash_update_text(hash, NULL);
}

static void hash_launch(struct hash *hash, const struct build_launch *launch)
{
    cleanup_free char *runtime = json_dumps(launch->runtime, JSON_COMPACT | JSON_SORT_KEYS);
    cleanup_free char *concurrency = xasprintf("%u", launch->concurrency);
    hash_update_text(hash, runtime);
    hash_update_text(hash, concurrency);
    hash_list(hash, launch->command);
    hash_list(hash, launch->environment);
}

void revision_digest(const struct function_settings *settings, struct prepared *prepared)
{
    struct hash *hash = hash_create();
    hash_settings(hash, settings);
    hash_update_text(hash, prepared->package_digest);
    hash_update_text(hash, prepared->dependency_key);
    hash_update_text(hash, prepared->image);
    hash_launch(hash, prepared->launch);
    hash_finish(hash, prepared->digest);
}
