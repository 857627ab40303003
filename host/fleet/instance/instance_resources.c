#include "fleet/instance/instance_inside.h"

#include "base/cgroup.h"
#include "base/clock.h"

#define LOOK_MS 1000 /* between two looks */

/* Once its container has ended, the last look is what is known. */
static void look(struct instance *instance, uint64_t now_ms)
{
    struct instance_resources *used = &instance->used;
    struct cgroup_usage found;
    pid_t process = instance->link ? link_process(instance->link) : 0;
    if (process <= 0 || instance->state >= INSTANCE_FAILED || cgroup_usage_of_process(process, &found) < 0)
        return;
    uint64_t since_ms = used->looked_ms ? used->looked_ms : instance->times.created_ms;
    uint64_t span_ms = now_ms > since_ms ? now_ms - since_ms : 1;
    uint64_t span_cpu_ns = found.cpu_ns > used->cpu_ns ? found.cpu_ns - used->cpu_ns : 0;
    *used = (struct instance_resources){.cpu_ns = found.cpu_ns,
                                        .memory_bytes = found.memory_bytes,
                                        .looked_ms = now_ms,
                                        .cores = (double)span_cpu_ns / 1e6 / (double)span_ms};
}

const struct instance_resources *instance_look_at_resources(struct instance *instance)
{
    uint64_t now_ms = clock_ms();
    if (instance->used.looked_ms == 0 || now_ms - instance->used.looked_ms >= LOOK_MS)
        look(instance, now_ms);
    return &instance->used;
}

void instance_note_resources(struct instance *instance)
{
    look(instance, clock_ms());
    instance->used.memory_bytes = 0;
    instance->used.cores = 0;
}
