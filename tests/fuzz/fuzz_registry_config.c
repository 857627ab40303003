/* Docker's config.json and the answers of its helpers, of any content. */
#include "prepare/image/registry_config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    struct error err;
    struct locked login = {0};
    char *helper = NULL;
    if (registry_config_read(text, size, "r:1", &helper, &login, &err) < 0 && err.code != ERROR_IMAGE_LOGIN)
        abort();
    if (helper && login.bytes)
        abort();
    if (login.bytes && strlen(login.bytes) != login.size - 1)
        abort();
    free(helper);
    locked_clear(&login);
    if (registry_config_read_answer(text, size, "r:1", &login, &err) < 0 && err.code != ERROR_IMAGE_LOGIN)
        abort();
    locked_clear(&login);
    return 0;
}
