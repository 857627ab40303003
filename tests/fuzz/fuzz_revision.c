/* What is kept of a function's revisions, and of the host's settings: any JSON gives a record, an index,
 * settings, or an error. What is read is written and compared, too. */
#include "config/registry.h"
#include "prepare/store/revision_index.h"
#include "prepare/store/revision_record.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_record(const json_t *json)
{
    struct revision_record record;
    struct registry *registry;
    struct error err;
    if (revision_record_read(json, &record, &err) < 0)
        return;
    json_decref(revision_record_to_json(&record));
    json_decref(revision_record_changes(&record, &record));
    if (registry_of_kept("hello", record.settings, &registry, &err) == 0) {
        json_decref(function_settings_keep(&registry->functions[0]));
        registry_destroy(registry);
    }
    function_settings_keep_applied(record.settings, json);
    revision_record_clear(&record);
}

static void read_index(const json_t *json)
{
    struct revision_index index;
    struct error err;
    if (revision_index_read(json, &index, &err) < 0)
        return;
    json_decref(revision_index_to_json(&index));
    revision_index_clear(&index);
}

static void recall_host(const json_t *json)
{
    struct registry *registry = registry_parse("r.yml", "", 0, NULL, 0);
    registry_recall_host(registry, json);
    json_decref(host_settings_keep(&registry->host));
    registry_destroy(registry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    read_record(json);
    read_index(json);
    recall_host(json);
    json_decref(json);
    return 0;
}
