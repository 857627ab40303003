/* What strangers put into Authorization, Host and Origin, each on a line. */
#include "admin/admin_access.h"
#include "base/alloc.h"
#include "base/cleanup.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cleanup_free char *text = xstrndup((const char *)data, size);
    char *rest = text, *authorization = strsep(&rest, "\n"), *host = strsep(&rest, "\n");
    struct error err;
    /* No password is in the corpus, whatever the fuzzer makes of it: 160 bits are not guessed. */
    if (admin_password_matches(authorization, "f3c1a9d27b6e4805f3c1a9d27b6e4805f3c1a9d2"))
        abort();
    if (admin_check_browser(host, rest, &err) == 0 && rest && !strstr(rest, "://"))
        abort();
    return 0;
}
