#include "base/file_facts.h"

#include <stdint.h>

void file_facts_hash(struct hash *hash, const struct stat *status, bool folder_times)
{
    const uint64_t facts[] = {
        status->st_ino,
        status->st_mode,
        status->st_uid,
        status->st_gid,
        (uint64_t)status->st_size,
        (uint64_t)status->st_mtim.tv_sec,
        (uint64_t)status->st_mtim.tv_nsec,
        (uint64_t)status->st_ctim.tv_sec,
        (uint64_t)status->st_ctim.tv_nsec,
    };
    bool all = folder_times || !S_ISDIR(status->st_mode);
    hash_update(hash, facts, all ? sizeof(facts) : 4 * sizeof(facts[0]));
}
