/* A `.dockerignore`: the same for a path each time, and what is below a folder that nothing is taken back
 * from goes with it. */
#include "prepare/job/ignore_rules.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ignore_rules *rules;
    unsigned line = 0;
    const char *problem = NULL;
    char *text = malloc(size > 0 ? size : 1); /* without a NUL at its end, so that reading on is seen */
    if (size > 0)
        memcpy(text, data, size);
    if (ignore_rules_read(text, size, &rules, &line, &problem) == 0) {
        bool is_out = ignore_rules_match(rules, "a/b");
        if (is_out && !ignore_rules_take_back(rules) && !ignore_rules_match(rules, "a/b/c.d"))
            abort();
        ignore_rules_destroy(rules);
    } else if (line == 0 || !problem) {
        abort();
    }
    free(text);
    return 0;
}
