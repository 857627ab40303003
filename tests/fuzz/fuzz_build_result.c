/* What a build job answers: any JSON gives a result or an error, neither leaks, and a result can be revised.
 */
#include "prepare/process/build_result.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct build_subject subject = {.function = "hello", .folder = "/f", .staged = "/s/x"};
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    struct build_result *result, *look;
    struct error err;
    if (json && build_result_parse(json, &subject, &result, &err) == 0) {
        if (build_result_parse(json, &subject, &look, &err) == 0)
            build_result_revise(result, "hello", look);
        build_result_destroy(result);
    }
    json_decref(json);
    return 0;
}
