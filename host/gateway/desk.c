#include "gateway/desk.h"

#include "base/clock.h"
#include "base/unix_socket.h"
#include "routing/slot_group.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Requests that it has at once. */
#define SLOTS 512

/* It only writes down what it is given; a busy disk may take its time. Whose body takes longer has the time
 * that the function gives its own requests. */
#define TIMEOUT_MS 30000

int desk_set(struct desk *desk, const char *path, struct error *err)
{
    struct sockaddr_un socket;
    if (unix_socket_address(path, COMPONENT_GATEWAY, &socket, err) < 0)
        return -1;
    struct slot_address address = {.length = sizeof(socket)};
    memcpy(&address.socket, &socket, sizeof(socket));
    desk->pool = slot_pool_create(&(struct slot_pool_hooks){0});
    slot_group_add_rooms(slot_group_create(desk->pool, 0), &address, SLOTS, clock_ms());
    return 0;
}

void desk_set_problem(struct desk *desk, const struct error *why)
{
    error_replace(&desk->problem, why);
}

void desk_clear(struct desk *desk)
{
    slot_pool_unref(desk->pool);
    free(desk->problem);
    *desk = (struct desk){0};
}

void desk_describe_problem(const struct desk *desk, struct error *ret_error)
{
    struct error why;
    if (!desk->problem) {
        error_set(ret_error, ERROR_CALLS_UNAVAILABLE, "This host keeps no calls that are done later.");
        return;
    }
    error_recall(desk->problem, &why);
    error_set(ret_error, ERROR_CALLS_UNAVAILABLE, "Calls cannot be kept: %s", why.message);
    error_hint(ret_error, "%s", why.hint);
}

/* Who waits for it has a connection, whose number is limited. */
void desk_adapt_limits(struct route_limits *limits)
{
    limits->queue_length = UINT_MAX;
    limits->queue_timeout_ms = TIMEOUT_MS;
    limits->request_buffering = true;
    if (limits->timeout_ms < TIMEOUT_MS)
        limits->timeout_ms = TIMEOUT_MS;
}
