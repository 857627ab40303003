#include "prepare/launch_check.h"

int launch_check(const struct build_launch *launch, const char *runtime, const char *image_dir,
                 struct error *err)
{
    if (launch->transport == BUILD_TCP) {
        error_set(err, ERROR_PLUGIN_CONTRACT,
                  "the plugin \"%s\" asks for TCP, to port %u, which is not supported yet", runtime,
                  (unsigned)launch->port);
        return error_hint(err, "only runners that dial home can be served, see docs/runner-protocol.md");
    }
    if (launch->image || image_dir)
        return 0;
    error_set(err, ERROR_PLUGIN_CONTRACT, "the plugin \"%s\" names no image and has no image folder",
              runtime);
    return error_hint(err, "put a Dockerfile into %s/image beside the plugin", runtime);
}

int launch_check_packages(const struct build_launch *launch, const struct function_settings *settings,
                          const char *image_dir, struct diagnostics *findings, struct error *err)
{
    if (settings->system_packages.count == 0 || (image_dir && !launch->image))
        return 0;
    const struct diagnostic item = {
        .severity = SEVERITY_ERROR,
        .function = settings->name,
        .message = "the function has an image of its own, into which no system packages are installed",
        .hint = "put them into that image, by its Dockerfile",
        .option = SYSTEM_PACKAGE_OPTION};
    diagnostics_add(findings, &item);
    error_set(err, ERROR_INVALID_FUNCTION, "%s", item.message);
    return error_hint(err, "%s", item.hint);
}
