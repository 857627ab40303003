#include "docker/call.h"

#include <stdlib.h>
#include <string.h>

/* The minor number of "1.<minor>", or -1. */
static int parse_minor(const char *version)
{
    if (strncmp(version, "1.", 2) != 0 || version[2] < '0' || version[2] > '9')
        return -1;
    char *end;
    unsigned long minor = strtoul(version + 2, &end, 10);
    return *end || minor > 10000 ? -1 : (int)minor;
}

int docker_version_choose(const char *offered, char *ret_version, size_t size, struct error *err)
{
    int theirs = parse_minor(offered);
    if (theirs < 0)
        return error_set(err, ERROR_DOCKER_ANSWER,
                         *offered ? "the Docker Engine offers an API version of unknown form: \"%s\""
                                  : "what answers does not say its API version%s: it is not a Docker Engine",
                         offered);
    if (theirs < parse_minor(DOCKER_API_OLDEST)) {
        error_set(err, ERROR_DOCKER_VERSION, "the Docker Engine speaks API %s; %s or newer is needed",
                  offered, DOCKER_API_OLDEST);
        return error_hint(err, "upgrade to Docker Engine 20.10 or newer");
    }
    int ours = parse_minor(DOCKER_API_NEWEST);
    snprintf(ret_version, size, "1.%d", theirs < ours ? theirs : ours);
    return 0;
}

int docker_version_learn(const struct docker_call *call, struct error *err)
{
    struct docker *docker = call->docker;
    if (docker_version_choose(call->offered_version, docker->version, sizeof(docker->version), err) < 0)
        return -1;
    docker->version_state = VERSION_KNOWN;
    return 0;
}
