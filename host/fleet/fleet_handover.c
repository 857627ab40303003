#include "base/alloc.h"
#include "fleet/fleet_inside.h"
#include "fleet/instance/instance.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void fleet_locks(const struct fleet *fleet, int *ret_state, int *ret_run)
{
    *ret_state = fleet->owner.lock_fd;
    *ret_run = fleet->run_lock;
}

void fleet_unlock(struct fleet *fleet)
{
    close(fleet->run_lock);
    fleet->run_lock = -1;
    owner_release(&fleet->owner);
}

void fleet_spare(struct fleet *fleet, const uint64_t *instances, size_t count)
{
    free(fleet->spared);
    fleet->spared = xcalloc(count + 1, sizeof(*instances));
    if (count > 0)
        memcpy(fleet->spared, instances, count * sizeof(*instances));
    fleet->spared_count = count;
}

struct remaining {
    uint64_t *instances;
    size_t count;
    bool others; /* that do not finish requests */
};

static void note(struct instance *instance, void *context)
{
    struct remaining *remaining = context;
    if (instance_current_state(instance) != INSTANCE_DRAINING) {
        remaining->others = true;
        return;
    }
    remaining->instances = xgrow(remaining->instances, remaining->count, sizeof(*remaining->instances));
    remaining->instances[remaining->count++] = instance_id(instance);
}

bool fleet_is_released(const struct fleet *fleet, uint64_t **ret_instances, size_t *ret_count)
{
    struct remaining remaining = {0};
    fleet_each_instance(fleet, note, &remaining);
    if (remaining.others || !fleet->installs_stopped) {
        free(remaining.instances);
        return false;
    }
    *ret_instances = remaining.instances;
    *ret_count = remaining.count;
    return true;
}
