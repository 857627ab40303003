/* Parts of a plugin that makes functions of one file, main.x, and does everything right with them. Each file
 * here puts one of its own in their place with POOR_PLUGIN(). */
#ifndef POOR_H
#define POOR_H

#include <berth/plugin.h>
#include <stdio.h>

#define POOR_ARGUMENTS                                                                                       \
    const struct berth_host *host, struct berth_job *job, const struct berth_function *function,             \
        struct berth_error *err

static inline int good_validate(POOR_ARGUMENTS)
{
    (void)host, (void)job, (void)function, (void)err;
    return 0;
}

static inline int good_package(POOR_ARGUMENTS)
{
    (void)err;
    return host->add_folder(job, "", function->folder, NULL);
}

static inline int good_launch(POOR_ARGUMENTS)
{
    static const char *const command[] = {"/bin/true", NULL};
    (void)function, (void)err;
    const struct berth_launch launch = {
        .struct_size = sizeof(launch),
        .image = "not-there",
        .command = command,
        .concurrency = 1,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    return host->set_launch(job, &launch);
}

static inline int good_scaffold(POOR_ARGUMENTS)
{
    (void)function, (void)err;
    return host->add_file(job, "main.x", "one\n", 4, 0);
}

static inline void path_of(const struct berth_function *function, const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/%s", function->folder, name);
}

#define POOR_PLUGIN(plugin_name, validate_fn, package_fn, launch_fn, ...)                                    \
    static const struct berth_plugin plugin = {.struct_size = sizeof(plugin),                                \
                                               .abi_major = BERTH_ABI_MAJOR,                                 \
                                               .abi_minor = BERTH_ABI_MINOR,                                 \
                                               .name = (plugin_name),                                        \
                                               .version = "1.0",                                             \
                                               .validate = (validate_fn),                                    \
                                               .package = (package_fn),                                      \
                                               .launch = (launch_fn),                                        \
                                               .scaffold = good_scaffold,                                    \
                                               __VA_ARGS__};                                                 \
    const struct berth_plugin *berth_plugin_entry(void)                                                      \
    {                                                                                                        \
        return &plugin;                                                                                      \
    }

#endif
