#include "daemon_estate.h"

#include "admin/admin.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "fleet/fleet.h"
#include "fleet/instance/instance.h"
#include "gateway/gateway.h"
#include "takeover/ask.h"
#include "takeover/channel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void add_fd(struct estate *estate, const char *name, int fd)
{
    int own = estate->fd_count < WIRE_FDS_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (own < 0)
        return;
    estate->names[estate->fd_count] = name;
    estate->fds[estate->fd_count++] = own;
}

void estate_add_listeners(struct estate *estate, const struct daemon *daemon)
{
    int listeners[LISTENERS_MAX], first, second;
    size_t count = gateway_listeners(daemon->gateway, false, listeners);
    for (size_t i = 0; i < count; i++)
        add_fd(estate, DESCRIPTOR_FUNCTIONS, listeners[i]);
    admin_listeners(daemon->admin, false, &first, &second);
    add_fd(estate, DESCRIPTOR_ADMIN, first);
    add_fd(estate, DESCRIPTOR_LOCAL, second);
    fleet_locks(daemon->fleet, &first, &second);
    add_fd(estate, DESCRIPTOR_STATE_LOCK, first);
    add_fd(estate, DESCRIPTOR_RUN_LOCK, second);
}

static void add_instance(struct instance *instance, void *context)
{
    struct estate *estate = context;
    enum instance_state state = instance_current_state(instance);
    struct instance_handles handles;
    if (state != INSTANCE_READY && state != INSTANCE_PREWARMED)
        return;
    instance_handles_of(instance, &handles);
    const int fds[INHERITED_FDS] = {handles.dial, handles.door, handles.line, handles.doorway};
    struct inherited_instance added = {.instance = instance_id(instance)};
    for (size_t i = 0; i < INHERITED_FDS; i++)
        added.fds[i] = fds[i] >= 0 ? fcntl(fds[i], F_DUPFD_CLOEXEC, 0) : -1;
    estate->instances = xgrow(estate->instances, estate->instance_count, sizeof(added));
    estate->instances[estate->instance_count++] = added;
}

void estate_add_instances(struct estate *estate, const struct daemon *daemon)
{
    fleet_each_instance(daemon->fleet, add_instance, estate);
}

static void offer_instance(const struct inherited_instance *instance, struct takeover_channel *channel)
{
    const char *names[INHERITED_FDS];
    int fds[INHERITED_FDS];
    size_t count = 0;
    for (size_t i = 0; i < INHERITED_FDS; i++) {
        int fd = instance->fds[i] >= 0 ? fcntl(instance->fds[i], F_DUPFD_CLOEXEC, 0) : -1;
        if (fd < 0)
            continue;
        names[count] = inherited_names[i];
        fds[count++] = fd;
    }
    if (count > 0)
        takeover_channel_send(channel, takeover_write_instance(instance->instance, names, count), fds, count);
}

void estate_offer(const struct estate *estate, const struct daemon *daemon, struct takeover_channel *channel)
{
    cleanup_free uint64_t *keeps = NULL;
    size_t keep_count = 0;
    int fds[WIRE_FDS_MAX];
    fleet_is_released(daemon->fleet, &keeps, &keep_count);
    for (size_t i = 0; i < estate->instance_count; i++)
        offer_instance(&estate->instances[i], channel);
    for (size_t i = 0; i < estate->fd_count; i++)
        fds[i] = fcntl(estate->fds[i], F_DUPFD_CLOEXEC, 0);
    takeover_channel_send(
        channel, takeover_write_yours(BERTH_VERSION, estate->names, estate->fd_count, keeps, keep_count), fds,
        estate->fd_count);
}

void estate_clear(struct estate *estate)
{
    for (size_t i = 0; i < estate->instance_count * INHERITED_FDS; i++) {
        int fd = estate->instances[i / INHERITED_FDS].fds[i % INHERITED_FDS];
        if (fd >= 0)
            close(fd);
    }
    free(estate->instances);
    for (size_t i = 0; i < estate->fd_count; i++)
        close(estate->fds[i]);
    *estate = (struct estate){0};
}
