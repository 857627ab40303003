#include "prepare/job/abi.h"

#include <stdalign.h>
#include <string.h>

#define OPTION_SIZE_MAX 4096

static void copy(void *to, size_t to_size, const void *from, size_t from_size)
{
    memset(to, 0, to_size);
    memcpy(to, from, from_size < to_size ? from_size : to_size);
}

void abi_copy(void *to, size_t to_size, const void *from)
{
    copy(to, to_size, from, *(const size_t *)from);
}

static size_t option_size(const struct berth_plugin *plugin)
{
    return plugin->option_size > 0 ? plugin->option_size : ABI_OPTION_LEAST;
}

bool abi_option_size_valid(const struct berth_plugin *plugin)
{
    size_t size = option_size(plugin);
    return size >= ABI_OPTION_LEAST && size <= OPTION_SIZE_MAX && size % alignof(struct berth_option) == 0;
}

struct berth_option abi_option(const struct berth_plugin *plugin, size_t index)
{
    struct berth_option option;
    size_t size = option_size(plugin);
    copy(&option, sizeof(option), (const char *)plugin->options + index * size, size);
    return option;
}
