/* A plugin made with the header of ABI 1.0, which uses all that there was of it. */
#include <berth/plugin.h>

#include <stdio.h>
#include <string.h>

static const char *const aliases[] = {"eldest", NULL};
static const char *const aliases_of_width[] = {"wide", NULL};

static const struct berth_option options[] = {
    {.name = "greeting", .type = BERTH_OPTION_STRING, .default_value = "hello", .max = 64, .help = "A word."},
    {.name = "width",
     .aliases = aliases_of_width,
     .type = BERTH_OPTION_INTEGER,
     .default_value = "80",
     .min = 20,
     .max = 1000,
     .help = "Characters a line."},
    {.name = "ratio", .type = BERTH_OPTION_DECIMAL, .default_value = "0.5", .help = "A part."},
};

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct berth_diagnostic note = {
        .struct_size = sizeof(note),
        .severity = BERTH_SEVERITY_NOTE,
        .file = function->file,
        .line = 2,
        .column = 5,
        .message = host->option(job, "greeting"),
        .hint = host->option(job, "wide"),
    };
    (void)err;
    return host->report(job, &note);
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    static const char *const argv[] = {"install", NULL};
    const struct berth_dependencies dependencies = {
        .struct_size = sizeof(dependencies), .key = "all", .argv = argv};
    (void)err;
    if (host->set_dependencies(job, &dependencies) < 0)
        return -1;
    return host->add_folder(job, "", function->folder, NULL);
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    static const char *const command[] = {"/bin/run", NULL};
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = command,
        .concurrency = 3,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = "{\"old\": true}",
    };
    (void)function, (void)err;
    return host->set_launch(job, &description);
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    (void)function, (void)err;
    return host->add_file(job, "main.x", "x\n", 2, 0);
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "oldest",
    .version = "1.0",
    .aliases = aliases,
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .validate = validate,
    .package = package,
    .launch = launch,
    .scaffold = scaffold,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
