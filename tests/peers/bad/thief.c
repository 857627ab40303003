/* Asks for the language of another plugin, and for its aliases. Nothing it builds could be started. */
#include "bad.h"

static const char *const aliases[] = {"python", "Python3", "py", "loot", NULL};

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "thief",
    .version = "1.0",
    .aliases = aliases,
    .validate = good_validate,
    .package = good_package,
    .launch = good_validate,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
