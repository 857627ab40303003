#include "fleet/instance/instance_inside.h"

#include "base/cleanup.h"

#include <unistd.h>

void instance_door_open(struct instance *instance)
{
    const struct doors *doors = instance->env->doors;
    if (instance->door_fd < 0 || !instance->function || instance->door || !doors)
        return;
    const struct door_spec spec = {.fd = steal_fd(&instance->door_fd),
                                   .function = instance->function,
                                   .instance = instance->id,
                                   .calls = instance->calls};
    instance->door = doors->open(doors->context, &spec);
}

static void on_opened(void *owner, int fd)
{
    struct instance *instance = owner;
    instance->door_fd = fd;
    instance_door_open(instance);
}

static const struct doorway_hooks doorway_hooks = {.opened = on_opened};

int instance_door_prepare(struct instance *instance, const char *dir, struct error *err)
{
    return doorway_open(instance->env->base, dir, instance->name, &doorway_hooks, instance,
                        &instance->doorway, err);
}

void instance_door_reopen(struct instance *instance, const char *dir, pid_t process, int fd)
{
    instance->doorway =
        doorway_reopen(instance->env->base, dir, instance->name, process, fd, &doorway_hooks, instance);
}

void instance_door_close(struct instance *instance)
{
    const struct doors *doors = instance->env->doors;
    doorway_close(steal(&instance->doorway));
    if (instance->door_fd >= 0)
        close(steal_fd(&instance->door_fd));
    if (instance->door)
        doors->close(doors->context, steal(&instance->door));
}
