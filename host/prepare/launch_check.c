#include "prepare/launch_check.h"

int launch_check(const struct build_launch *launch, const char *runtime, const char *image_dir,
                 struct error *err)
{
    if (launch->image || launch->dockerfile || image_dir)
        return 0;
    error_set(err, ERROR_PLUGIN_CONTRACT, "the plugin \"%s\" names no image and has no image folder",
              runtime);
    return error_hint(err, "put a Dockerfile into %s/image beside the plugin", runtime);
}

static int refuse(const struct diagnostic *finding, struct diagnostics *findings, struct error *err)
{
    diagnostics_add(findings, finding);
    error_set(err, ERROR_INVALID_FUNCTION, "%s", finding->message);
    return error_hint(err, "%s", finding->hint);
}

int launch_check_settings(const struct build_launch *launch, const struct function_settings *settings,
                          const char *image_dir, struct diagnostics *findings, struct error *err)
{
    bool own_image = !image_dir || launch->image || launch->dockerfile;
    const struct diagnostic packages = {
        .severity = SEVERITY_ERROR,
        .function = settings->name,
        .message = "the function has an image of its own, into which no system packages are installed",
        .hint = "put them into that image, by its Dockerfile",
        .option = SYSTEM_PACKAGE_OPTION};
    const struct diagnostic network = {
        .severity = SEVERITY_ERROR,
        .function = settings->name,
        .message = "with `network: none` nobody can reach the server that this function is",
        .hint = "leave `network` out: its port is open to the gateway alone"};
    if (settings->system_packages.count > 0 && own_image)
        return refuse(&packages, findings, err);
    if (launch->transport == BUILD_TCP && settings->network == NETWORK_NONE)
        return refuse(&network, findings, err);
    return 0;
}
