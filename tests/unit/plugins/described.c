/* Plugins that differ only in what they say of themselves: built once for each CASE_ macro. */
#include <berth/plugin.h>

#include <stdlib.h>
#include <unistd.h>

static int do_nothing(const struct berth_host *host, struct berth_job *job,
                      const struct berth_function *function, struct berth_error *err)
{
    (void)host, (void)job, (void)function, (void)err;
    return 0;
}

#if defined(CASE_BAD_OPTION)
static const struct berth_option options[] = {
    {"size", NULL, BERTH_OPTION_INTEGER, "many", 1, 9, "How much."},
};
#elif defined(CASE_DOUBLE_OPTION)
static const char *const aliases_of_b[] = {"size", NULL};
static const struct berth_option options[] = {
    {"size", NULL, BERTH_OPTION_INTEGER, "3", 1, 9, "How much."},
    {"bulk", aliases_of_b, BERTH_OPTION_INTEGER, "3", 1, 9, "How much."},
};
#endif

#if defined(CASE_ODD_FLAGS)
static const struct berth_option options[] = {
    {"size", NULL, BERTH_OPTION_INTEGER, "3", 1, 9, "How much.", 0x11},
};
#endif

#if defined(CASE_TAKEN_ALIAS)
static const char *const aliases[] = {"Acting", "actor", "own", NULL};
#endif

static struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "described",
    .version = "0.1",
    .validate = do_nothing,
    .package = do_nothing,
    .launch = do_nothing,
#if defined(CASE_BAD_OPTION) || defined(CASE_DOUBLE_OPTION) || defined(CASE_ODD_FLAGS)
    BERTH_OPTIONS(options),
#endif
#if defined(CASE_TAKEN_ALIAS)
    .aliases = aliases,
#endif
};

#if defined(CASE_CONSTRUCTOR)
__attribute__((constructor)) static void fail_early(void)
{
    abort();
}
#endif

const struct berth_plugin *berth_plugin_entry(void)
{
#if defined(CASE_WRONG_MAJOR)
    plugin.abi_major = BERTH_ABI_MAJOR + 1;
#elif defined(CASE_NEWER_MINOR)
    plugin.abi_minor = BERTH_ABI_MINOR + 1;
#elif defined(CASE_SMALL)
    plugin.struct_size = 24;
#elif defined(CASE_TINY)
    plugin.struct_size = 1;
#elif defined(CASE_BAD_NAME)
    plugin.name = "Not A Name";
#elif defined(CASE_NO_VERSION)
    plugin.version = NULL;
#elif defined(CASE_NO_CALLBACK)
    plugin.launch = NULL;
#elif defined(CASE_NULL_ENTRY)
    return NULL;
#elif defined(CASE_HANG)
    for (;;)
        pause();
#endif
    return &plugin;
}
