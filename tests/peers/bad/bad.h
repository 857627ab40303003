/* Parts of a plugin that does everything right and nothing much. Each file here puts one of its own in their
 * place with BAD_PLUGIN(). */
#ifndef BAD_H
#define BAD_H

#include <berth/plugin.h>

#define BAD_ARGUMENTS                                                                                        \
    const struct berth_host *host, struct berth_job *job, const struct berth_function *function,             \
        struct berth_error *err

static inline int good_validate(BAD_ARGUMENTS)
{
    (void)host, (void)job, (void)function, (void)err;
    return 0;
}

static inline int good_package(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    return host->add_file(job, "code", "x", 1, 0);
}

static const char *const good_command[] = {"/bin/true", NULL};

static inline int good_launch(BAD_ARGUMENTS)
{
    (void)function, (void)err;
    const struct berth_launch launch = {
        .struct_size = sizeof(launch),
        .command = good_command,
        .concurrency = 1,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
    };
    return host->set_launch(job, &launch);
}

#define BAD_PLUGIN(plugin_name, major, validate_fn, package_fn, launch_fn)                                   \
    static const struct berth_plugin plugin = {                                                              \
        .struct_size = sizeof(plugin),                                                                       \
        .abi_major = (major),                                                                                \
        .abi_minor = BERTH_ABI_MINOR,                                                                        \
        .name = (plugin_name),                                                                               \
        .version = "1.0",                                                                                    \
        .validate = (validate_fn),                                                                           \
        .package = (package_fn),                                                                             \
        .launch = (launch_fn),                                                                               \
    };                                                                                                       \
    const struct berth_plugin *berth_plugin_entry(void)                                                      \
    {                                                                                                        \
        return &plugin;                                                                                      \
    }

#endif
