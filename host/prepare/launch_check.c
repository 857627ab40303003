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
