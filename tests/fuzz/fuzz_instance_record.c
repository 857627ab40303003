/* What an earlier daemon has left of an instance: what is taken is sound, and writes as it was read. */
#include "fleet/instance/instance_record.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "prepare/store/sealed_file.h"

#include <stdlib.h>
#include <string.h>

static void check(const struct instance_record *record)
{
    struct instance_record again;
    struct error err;
    cleanup_free char *text = instance_record_text(record);
    if (!text || instance_record_parse(text, strlen(text), &again, &err) < 0)
        abort();
    if (strlen(record->instance) != INSTANCE_ID_DIGITS || strcmp(record->instance, again.instance) != 0)
        abort();
    instance_record_clear(&again);
}

/* The input is a whole file, or, since nobody guesses a digest, what is below one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct instance_record record;
    struct error err;
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    cleanup_free char *sealed = json ? sealed_text(json) : NULL;
    json_decref(json);
    const char *text = sealed ? sealed : (const char *)data;
    if (instance_record_parse(text, sealed ? strlen(sealed) : size, &record, &err) < 0)
        return 0;
    check(&record);
    instance_record_clear(&record);
    return 0;
}
