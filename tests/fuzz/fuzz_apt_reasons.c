/* What apt-get writes: there is always a finding, and each is about one of the packages or about all. */
#include "prepare/image/apt_reasons.h"

#include "base/alloc.h"
#include "config/registry.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct package_list packages = {0};
    struct diagnostics findings = {0};
    char *output = xstrndup((const char *)data, size);
    package_list_add(&packages, "g++", (struct position){0});
    package_list_add(&packages, "jq=1.6-2", (struct position){0});
    apt_reasons_find(output, &packages, "otherwise", &findings);
    if (findings.count == 0)
        abort();
    for (size_t i = 0; i < findings.count; i++) {
        const char *name = findings.items[i].option + strlen(SYSTEM_PACKAGE_OPTION);
        if (*name && strcmp(name, "g++") != 0 && strcmp(name, "jq") != 0)
            abort();
    }
    diagnostics_clear(&findings);
    package_list_clear(&packages);
    free(output);
    return 0;
}
