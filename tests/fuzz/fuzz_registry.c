/* The YAML registry on arbitrary bytes: reading, and showing what was found. */
#include "config/registry.h"

#include "../unit/registry_languages.h"
#include "base/strbuf.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry *registry =
        registry_parse("/nonexistent/registry.yml", (const char *)data, size, languages, 2);
    struct strbuf out;
    strbuf_init(&out, 1 << 20);
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        struct diagnostic again;
        diagnostic_render(&registry->diagnostics.items[i], &out);
        json_t *json = diagnostic_to_json(&registry->diagnostics.items[i]);
        if (diagnostic_from_json(json, &again) < 0)
            abort();
        diagnostic_clear(&again);
        json_decref(json);
    }
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *function = &registry->functions[i];
        if (!function->name || (!function->broken && !function->folder))
            abort();
    }
    strbuf_clear(&out);
    registry_destroy(registry);
    return 0;
}
