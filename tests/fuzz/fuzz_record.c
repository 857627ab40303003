/* What is kept of a prepared function: any bytes give a record or an error. The first line, a digest that no
 * fuzzer finds, is made for what follows. */
#include "base/alloc.h"
#include "prepare/store/record_store.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *text, size_t size)
{
    struct record record;
    struct error err;
    if (record_parse(text, size, &record, &err) == 0)
        record_clear(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xcalloc(1, HASH_HEX_SIZE + size + 1);
    struct hash *hash = hash_create();
    hash_update(hash, data, size);
    hash_finish(hash, text);
    text[HASH_HEX_SIZE - 1] = '\n';
    if (size > 0)
        memcpy(text + HASH_HEX_SIZE, data, size);
    parse(text, HASH_HEX_SIZE + size);
    parse(text + HASH_HEX_SIZE, size);
    free(text);
    return 0;
}
