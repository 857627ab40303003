#include "gateway/gateway.h"

#include "base/strbuf.h"
#include "gateway/listen.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_MAX     64
#define WORKERS_DEFAULT 4

struct gateway {
    struct worker_shared shared;
    char address[LISTEN_ADDRESS_MAX];
    unsigned worker_count; /* of those that have been made */
    struct worker workers[];
};

static unsigned choose_worker_count(const struct host_settings *host)
{
    if (host->workers > 0)
        return host->workers < WORKERS_MAX ? host->workers : WORKERS_MAX;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores < WORKERS_DEFAULT ? (unsigned)cores : WORKERS_DEFAULT;
}

int gateway_create(const struct host_settings *host, struct route_table *table,
                   const struct gateway_hooks *hooks, struct gateway **ret_gateway, struct error *err)
{
    unsigned count = choose_worker_count(host);
    int fds[WORKERS_MAX];
    struct gateway *gateway = xcalloc(1, sizeof(*gateway) + count * sizeof(struct worker));
    gateway->shared = (struct worker_shared){.settings = host,
                                             .table = table,
                                             .hooks = *hooks,
                                             .workers = gateway->workers,
                                             .worker_count = count};
    address_counts_init(&gateway->shared.addresses);
    if (listen_open(host->listen, count, fds, gateway->address, err) < 0) {
        gateway_destroy(gateway);
        return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        gateway->worker_count = i + 1;
        if (worker_init(&gateway->workers[i], &gateway->shared, (int)i, fds[i], err) < 0) {
            for (unsigned rest = i + 1; rest < count; rest++)
                close(fds[rest]);
            gateway_destroy(gateway);
            return -1;
        }
    }
    *ret_gateway = gateway;
    return 0;
}

int gateway_start(struct gateway *gateway, struct error *err)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        if (worker_start(&gateway->workers[i], err) < 0)
            return -1;
    }
    return 0;
}

const char *gateway_address(const struct gateway *gateway)
{
    return gateway->address;
}

void gateway_drain(struct gateway *gateway)
{
    atomic_store_explicit(&gateway->shared.draining, gateway->worker_count, memory_order_relaxed);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_drain(&gateway->workers[i]);
}

void gateway_counts(const struct gateway *gateway, uint64_t ret_sums[COUNTER_COUNT])
{
    memset(ret_sums, 0, COUNTER_COUNT * sizeof(*ret_sums));
    for (unsigned i = 0; i < gateway->worker_count; i++)
        counters_sum(&gateway->workers[i].loop.counters, ret_sums);
}

/* Ending an exchange may hand its slot to a waiter on another worker, which gives it back in turn. */
static void deliver_all(struct gateway *gateway)
{
    bool any = true;
    while (any) {
        any = false;
        for (unsigned i = 0; i < gateway->worker_count; i++) {
            if (loop_deliver(&gateway->workers[i].loop))
                any = true;
        }
    }
}

void gateway_destroy(struct gateway *gateway)
{
    if (!gateway)
        return;
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_stop(&gateway->workers[i]);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_close_clients(&gateway->workers[i]);
    deliver_all(gateway);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_clear(&gateway->workers[i]);
    address_counts_clear(&gateway->shared.addresses);
    free(gateway);
}
