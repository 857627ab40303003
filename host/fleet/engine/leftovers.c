#include "fleet/engine/leftovers.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/queue.h"
#include "base/timer.h"
#include "docker/container.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS 500 /* doubling */
#define RETRY_MOST_MS  60000

struct leftover {
    TAILQ_ENTRY(leftover) link;
    struct leftovers *leftovers;
    char *id, *name;
    struct docker_call *call;
    struct event *retry;
    uint64_t pause_ms;
};

struct leftovers {
    struct event_base *base;
    struct docker *docker;
    TAILQ_HEAD(, leftover) list;
};

struct leftovers *leftovers_create(struct event_base *base, struct docker *docker)
{
    struct leftovers *leftovers = xcalloc(1, sizeof(*leftovers));
    leftovers->base = base;
    leftovers->docker = docker;
    TAILQ_INIT(&leftovers->list);
    return leftovers;
}

static void leftover_free(struct leftover *leftover)
{
    docker_cancel(leftover->call);
    event_free(leftover->retry);
    free(leftover->id);
    free(leftover->name);
    free(leftover);
}

void leftovers_destroy(struct leftovers *leftovers)
{
    if (!leftovers)
        return;
    for (struct leftover *leftover; (leftover = queue_take_first(&leftovers->list, link));)
        leftover_free(leftover);
    free(leftovers);
}

static void on_removed(void *owner, const struct error *err)
{
    struct leftover *leftover = owner;
    leftover->call = NULL;
    if (!err || err->code == ERROR_NOT_FOUND) {
        TAILQ_REMOVE(&leftover->leftovers->list, leftover, link);
        leftover_free(leftover);
        return;
    }
    if (leftover->pause_ms == RETRY_FIRST_MS)
        log_warning("engine.leftover-stays", LOG_STR("container", leftover->name), LOG_ERR(err));
    uint64_t now_ms = clock_ms();
    timer_at(leftover->retry, now_ms + leftover->pause_ms, now_ms);
    leftover->pause_ms = leftover->pause_ms < RETRY_MOST_MS / 2 ? 2 * leftover->pause_ms : RETRY_MOST_MS;
}

static void try_to_remove(struct leftover *leftover)
{
    leftover->call =
        docker_container_remove(leftover->leftovers->docker, leftover->id, true, on_removed, leftover);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    try_to_remove(context);
}

static bool is_known(const struct leftovers *leftovers, const char *id)
{
    const struct leftover *leftover;
    TAILQ_FOREACH(leftover, &leftovers->list, link)
    {
        if (strcmp(leftover->id, id) == 0)
            return true;
    }
    return false;
}

void leftovers_remove(struct leftovers *leftovers, const char *id, const char *name, const char *state)
{
    if (is_known(leftovers, id))
        return;
    log_info("engine.leftover", LOG_STR("container", name), LOG_STR("state", state));
    struct leftover *leftover = xcalloc(1, sizeof(*leftover));
    leftover->leftovers = leftovers;
    leftover->id = xstrdup(id);
    leftover->name = xstrdup(name);
    leftover->pause_ms = RETRY_FIRST_MS;
    leftover->retry = evtimer_new(leftovers->base, on_retry, leftover);
    TAILQ_INSERT_TAIL(&leftovers->list, leftover, link);
    try_to_remove(leftover);
}
