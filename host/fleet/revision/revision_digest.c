#include "fleet/revision/revision_digest.h"

#include "base/alloc.h"
#include "base/cleanup.h"

static void hash_list(struct hash *hash, char *const *list)
{
    for (char *const *entry = list; entry && *entry; entry++)
        hash_update_text(hash, *entry);
    hash_update_text(hash, NULL);
}

static void hash_launch(struct hash *hash, const struct build_launch *launch)
{
    cleanup_free char *concurrency = xasprintf("%u", launch->concurrency);
    hash_update_text(hash, launch->runtime);
    hash_update_text(hash, concurrency);
    hash_list(hash, launch->command);
    hash_list(hash, launch->environment);
    if (launch->transport == BUILD_TCP) {
        cleanup_free char *port = xasprintf("%u", launch->port);
        hash_update_text(hash, port);
        hash_update_text(hash, launch->ready_path);
    }
}

void revision_digest(const struct function_settings *settings, struct prepared *prepared)
{
    struct hash *hash = hash_create();
    function_settings_hash(settings, CHANGE_REPLACES, hash);
    hash_update_text(hash, prepared->package_digest);
    hash_update_text(hash, prepared->dependency_key);
    hash_update_text(hash, prepared->image);
    hash_launch(hash, prepared->launch);
    hash_finish(hash, prepared->digest);
}
