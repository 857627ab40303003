#include "fleet/instance/instance_inside.h"

#include "base/process.h"

#include <arpa/inet.h>
#include <string.h>

/* Of a server that waits for connections; NULL: it does not. */
static const char *address_of(const struct instance *instance, char text[INET_ADDRSTRLEN])
{
    if (!link_is_reached_out(instance->link))
        return NULL;
    const struct sockaddr_in *address = (const struct sockaddr_in *)&link_address(instance->link)->socket;
    return inet_ntop(AF_INET, &address->sin_addr, text, INET_ADDRSTRLEN);
}

static void fill(const struct instance *instance, struct instance_record *record)
{
    *record = (struct instance_record){
        .container = (char *)container_id(instance->container),
        .function = instance->function,
        .was_prewarmed = instance->code_dir != NULL,
        .concurrency = instance->concurrency,
        .limits = {.memory_bytes = instance->spec.memory_bytes,
                   .cpus = instance->spec.cpus,
                   .pids = instance->spec.pids},
        .process = link_process(instance->link),
        .user = link_user(instance->link),
        .first_process = doorway_process(instance->doorway),
        .times = instance->times,
        .ready_ms = instance->ready_ms,
    };
    record->first_began = process_began(record->first_process);
    memcpy(record->owner, instance->env->owner_id, sizeof(record->owner));
    memcpy(record->instance, instance->name, sizeof(record->instance));
    if (instance->function)
        memcpy(record->digest, instance->digest, sizeof(record->digest));
    else
        container_spec_digest(&instance->spec, record->digest);
}

/* Its hooks may have ended it already; and of what has no digest nobody can say later what it is. */
void instance_keep(struct instance *instance)
{
    struct instance_record record;
    char address[INET_ADDRSTRLEN];
    bool lasts = instance->state == INSTANCE_PREWARMED || instance->state == INSTANCE_READY;
    if (!lasts || !instance->env->owner_id || !container_id(instance->container))
        return;
    fill(instance, &record);
    record.address = (char *)address_of(instance, address);
    if (!*record.digest)
        return;
    instance_record_write(instance->env->run_dir, &record);
    instance->is_recorded = true;
}

void instance_forget(struct instance *instance)
{
    if (instance->is_recorded)
        instance_record_remove(instance->env->run_dir, instance->name);
    instance->is_recorded = false;
}
