#include "docker/connection.h"

#include <string.h>

/* What has become unreachable may come back as another version. */
static void note_failure(struct docker *docker, const struct error *err)
{
    if (strcmp(err->reason, "docker-unreachable") == 0 && docker->version_state == VERSION_KNOWN)
        docker->version_state = VERSION_UNKNOWN;
}

void docker_transfer_start(struct docker_call *call)
{
    struct error err;
    if (docker_connection_carry(call, &err) == 0) {
        call->stage = CALL_RUNNING;
        docker_call_move(call, &call->docker->running);
        return;
    }
    note_failure(call->docker, &err);
    docker_call_refuse(call, &err);
    docker_call_submit(call);
}

void docker_transfer_stop(struct docker_call *call)
{
    docker_connection_close(call->connection);
}

void docker_transfer_complete(struct docker_call *call, const struct error *err)
{
    struct error failure;
    if (!err && !docker_call_is_good(call)) {
        docker_failure_status(call, &failure);
        err = &failure;
    }
    if (err)
        note_failure(call->docker, err);
    docker_call_end(call, err);
}
