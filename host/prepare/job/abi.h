/*
 * Structs of plugins of any minor version, taken over as this host knows them: what a plugin did not know of
 * is 0 or NULL, which the ABI gives the meaning that it had before there was the member.
 */
#ifndef PREPARE_JOB_ABI_H
#define PREPARE_JOB_ABI_H

#include <berth/plugin.h>
#include <stdbool.h>
#include <stddef.h>

/* The size of a struct whose last member is this one. */
#define ABI_SIZE(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

/* What the structs that come from plugins had in 1.0: no plugin gives less. */
#define ABI_PLUGIN_LEAST       ABI_SIZE(berth_plugin, scaffold)
#define ABI_OPTION_LEAST       ABI_SIZE(berth_option, help)
#define ABI_DIAGNOSTIC_LEAST   ABI_SIZE(berth_diagnostic, hint)
#define ABI_DEPENDENCIES_LEAST ABI_SIZE(berth_dependencies, environment)
#define ABI_LAUNCH_LEAST       ABI_SIZE(berth_launch, runtime)

/* Copies a struct that begins with its size. */
void abi_copy(void *to, size_t to_size, const void *from);

/* False when the size that the plugin says its options have cannot be one. */
bool abi_option_size_valid(const struct berth_plugin *plugin);

/* The option `index` of those that the plugin declares. */
struct berth_option abi_option(const struct berth_plugin *plugin, size_t index);

#endif
