/* The language "locked": a function is its lock file, and its answer what the compiler made of that. */
#include <berth/plugin.h>

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    (void)host, (void)job, (void)function, (void)err;
    return 0;
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    static const char *const argv[] = {"locked-compiler", NULL};
    static const char *const reads[] = {"deps.lock", NULL};
    const struct berth_dependencies dependencies = {
        .struct_size = sizeof(dependencies), .key = "compiled", .argv = argv, .reads = reads};
    (void)err;
    if (host->add_folder(job, "", function->folder, NULL) < 0)
        return -1;
    return host->set_dependencies(job, &dependencies);
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    static const char *const command[] = {"/usr/local/bin/locked-runner", NULL};
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = command,
        .concurrency = 2,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    (void)function, (void)err;
    return host->set_launch(job, &description);
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "locked",
    .version = "1.0",
    .validate = validate,
    .package = package,
    .launch = launch,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
