/* Never says what it is. */
#include <berth/plugin.h>

#include <unistd.h>

BERTH_EXPORT const struct berth_plugin *berth_plugin_entry(void)
{
    for (;;)
        pause();
}
