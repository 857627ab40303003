#include "gateway/idle_list.h"

#include "gateway/client.h"

/* Tells the others how long the first has idled. */
static void publish(struct idle_list *list, enum idle_kind kind)
{
    const struct client *first = TAILQ_FIRST(&list->clients[kind]);
    atomic_store_explicit(&list->since_ms[kind], first ? first->idle.since_ms : IDLE_NEVER,
                          memory_order_relaxed);
}

void idle_list_init(struct idle_list *list)
{
    for (int kind = 0; kind < IDLE_KINDS; kind++) {
        TAILQ_INIT(&list->clients[kind]);
        atomic_init(&list->since_ms[kind], IDLE_NEVER);
    }
}

void idle_list_put(struct idle_list *list, struct client *client, enum idle_kind kind, uint64_t now_ms)
{
    if (client->idle.since_ms != 0 && client->idle.kind == kind)
        return;
    idle_list_remove(list, client);
    client->idle.since_ms = now_ms;
    client->idle.kind = (uint8_t)kind;
    TAILQ_INSERT_TAIL(&list->clients[kind], client, idle.link);
    if (TAILQ_FIRST(&list->clients[kind]) == client)
        publish(list, kind);
}

void idle_list_remove(struct idle_list *list, struct client *client)
{
    enum idle_kind kind = (enum idle_kind)client->idle.kind;
    if (client->idle.since_ms == 0)
        return;
    bool was_first = TAILQ_FIRST(&list->clients[kind]) == client;
    TAILQ_REMOVE(&list->clients[kind], client, idle.link);
    client->idle.since_ms = 0;
    if (was_first)
        publish(list, kind);
}

struct client *idle_list_first(struct idle_list *list, enum idle_kind kind)
{
    return TAILQ_FIRST(&list->clients[kind]);
}
