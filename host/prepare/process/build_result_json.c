#include "prepare/process/build_result.h"

#include "base/json.h"

static json_t *texts_json(char *const *texts)
{
    json_t *list = json_array();
    for (; texts && *texts; texts++)
        json_array_append_new(list, json_string(*texts));
    return list;
}

static json_t *dependencies_json(const struct build_dependencies *dependencies)
{
    if (!dependencies)
        return json_null();
    return json_pack("{s:s, s:o, s:o}", "key", dependencies->key, "argv", texts_json(dependencies->argv),
                     "environment", texts_json(dependencies->environment));
}

json_t *build_launch_to_json(const struct build_launch *launch)
{
    return json_pack("{s:i, s:i, s:i, s:s*, s:o, s:s*, s:s*, s:o, s:o}", "concurrency",
                     (int)launch->concurrency, "transport", (int)launch->transport, "port", (int)launch->port,
                     "ready_path", launch->ready_path, "runtime", json_loads(launch->runtime, 0, NULL),
                     "image", launch->image, "dockerfile", launch->dockerfile, "command",
                     texts_json(launch->command), "environment", texts_json(launch->environment));
}

json_t *build_result_to_json(const struct build_result *result)
{
    const struct build_package *package = &result->package;
    return json_pack("{s:b, s:o, s:I, s:{s:s, s:I, s:I}, s:o, s:o}", "ok", 1, "diagnostics",
                     diagnostics_to_json(&result->diagnostics), "validated", (json_int_t)result->validated,
                     "package", "digest", package->digest, "bytes", (json_int_t)package->bytes, "files",
                     (json_int_t)package->files, "dependencies", dependencies_json(result->dependencies),
                     "launch", build_launch_to_json(result->launch));
}
