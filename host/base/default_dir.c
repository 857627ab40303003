#include "base/default_dir.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <unistd.h>

static char *default_dir(const char *root_dir, const char *variable, const char *home_dir)
{
    if (geteuid() == 0)
        return xstrdup(root_dir);
    const char *base = getenv(variable);
    if (base && base[0] == '/')
        return xasprintf("%s/berth", base);
    const char *home = getenv("HOME");
    return xasprintf("%s/%s/berth", home ? home : "/tmp", home_dir);
}

char *default_state_dir(void)
{
    return default_dir("/var/lib/berth", "XDG_STATE_HOME", ".local/state");
}

char *default_run_dir(void)
{
    return default_dir("/run/berth", "XDG_RUNTIME_DIR", ".cache");
}

char *default_secret_key_file(void)
{
    cleanup_free char *dir = default_dir("/etc/berth", "XDG_CONFIG_HOME", ".config");
    return xasprintf("%s/secret.key", dir);
}
