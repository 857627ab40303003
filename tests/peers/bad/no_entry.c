/* A shared object without the entry point. */
#include <berth/plugin.h>

BERTH_EXPORT int berth_plugin_entrance(void);

int berth_plugin_entrance(void)
{
    return 0;
}
