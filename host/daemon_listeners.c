#include "daemon_listeners.h"

#include "admin/admin.h"
#include "base/descriptors.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "notify.h"

#include <string.h>

static void tell_unused(const char *name, int fd)
{
    (void)fd;
    if (strncmp(name, DESCRIPTOR_OWN_PREFIX, sizeof(DESCRIPTOR_OWN_PREFIX) - 1) == 0)
        notify_manager_forget(name);
    log_warning("daemon.descriptor-unused", LOG_STR("name", name),
                LOG_STR("message", "it was passed to the daemon, which listens nowhere that it would do for"),
                LOG_STR("hint", "Its address has to be that of the settings `listen` or `admin`."));
}

void daemon_keep_listeners(struct daemon *daemon)
{
    int fds[LISTENERS_MAX], tcp, local;
    descriptors_each(daemon->given, tell_unused);
    descriptors_destroy(daemon->given);
    daemon->given = NULL;
    notify_manager_keep(DESCRIPTOR_FUNCTIONS, fds, gateway_listeners(daemon->gateway, true, fds));
    admin_listeners(daemon->admin, true, &tcp, &local);
    notify_manager_keep(DESCRIPTOR_ADMIN, &tcp, tcp >= 0);
    notify_manager_keep(DESCRIPTOR_LOCAL, &local, local >= 0);
}

void daemon_keep_local_listener(const struct daemon *daemon)
{
    int tcp, local;
    admin_listeners(daemon->admin, true, &tcp, &local);
    notify_manager_forget(DESCRIPTOR_LOCAL);
    notify_manager_keep(DESCRIPTOR_LOCAL, &local, local >= 0);
}

void daemon_end_listeners(struct daemon *daemon, bool stay)
{
    if (stay && notify_manager_is_there())
        admin_leave_socket(daemon->admin);
    if (stay)
        return;
    notify_manager_forget(DESCRIPTOR_FUNCTIONS);
    notify_manager_forget(DESCRIPTOR_ADMIN);
    notify_manager_forget(DESCRIPTOR_LOCAL);
}
