#include "gateway/gateway.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/unix_socket.h"
#include "gateway/door.h"
#include "gateway/handover.h"
#include "gateway/listen.h"
#include "gateway/passing.h"
#include "gateway/record_order.h"
#include "gateway/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKERS_MAX     LISTENERS_MAX
#define WORKERS_DEFAULT 4
#define CLOSED_AT_ONCE  100 /* clients, whose records are not larger than a ring */

struct gateway {
    struct worker_shared shared;
    struct doors doors;
    TAILQ_HEAD(, door) open_doors;
    struct passed_client **early; /* those who wait for their door */
    size_t early_count;
    char address[LISTEN_ADDRESS_MAX];
    struct flight_file *in_flight; /* NULL: what is under way is not kept */
    char *calls_path; /* NULL: there is no door of calls */
    unsigned worker_count; /* of those that have been made */
    unsigned given; /* listeners, of the first workers, that somebody else has opened */
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

/* Each in its turn. */
static struct worker *next_worker(struct gateway *gateway)
{
    return &gateway->workers[gateway->shared.next_worker++ % gateway->worker_count];
}

static struct door *find_door(const struct gateway *gateway, uint64_t instance)
{
    struct door *door;
    TAILQ_FOREACH(door, &gateway->open_doors, open_link)
    {
        if (door->entrance.instance == instance)
            break;
    }
    return door;
}

/* Whoever another daemon has let in by it. */
static void let_in_those_who_wait(struct gateway *gateway, struct door *door)
{
    size_t left = 0;
    for (size_t i = 0; i < gateway->early_count; i++) {
        struct passed_client *passed = gateway->early[i];
        if (passed->instance == door->entrance.instance)
            passing_take(door->worker, door, passed);
        else
            gateway->early[left++] = passed;
    }
    gateway->early_count = left;
}

static struct door *open_door(void *context, const struct door_spec *spec)
{
    struct gateway *gateway = context;
    struct door *door = door_open(next_worker(gateway), spec);
    TAILQ_INSERT_TAIL(&gateway->open_doors, door, open_link);
    let_in_those_who_wait(gateway, door);
    return door;
}

static void close_door(void *context, struct door *door)
{
    struct gateway *gateway = context;
    TAILQ_REMOVE(&gateway->open_doors, door, open_link);
    door_close(door);
}

/* Makes as many workers as there are listeners, which become theirs. */
static int make_workers(struct gateway *gateway, const struct listeners *listeners, struct error *err)
{
    for (unsigned i = 0; i < listeners->count; i++) {
        gateway->worker_count = i + 1;
        if (worker_init(&gateway->workers[i], &gateway->shared, (int)i, listeners->fds[i], err) == 0)
            continue;
        for (unsigned rest = i + 1; rest < listeners->count; rest++)
            close(listeners->fds[rest]);
        return -1;
    }
    return 0;
}

int gateway_create(const struct host_settings *host, struct descriptors *given, struct route_table *table,
                   const struct gateway_hooks *hooks, struct gateway **ret_gateway, struct error *err)
{
    struct listeners listeners;
    if (listeners_open(host->listen, given, choose_worker_count(host), &listeners, err) < 0)
        return -1;
    unsigned count = listeners.count;
    struct gateway *gateway = xcalloc(1, sizeof(*gateway) + count * sizeof(struct worker));
    gateway->shared = (struct worker_shared){.settings = host,
                                             .table = table,
                                             .hooks = *hooks,
                                             .workers = gateway->workers,
                                             .worker_count = count};
    gateway->doors =
        (struct doors){.open = open_door, .close = close_door, .listener = door_listener, .context = gateway};
    TAILQ_INIT(&gateway->open_doors);
    address_counts_init(&gateway->shared.addresses);
    memcpy(gateway->address, listeners.address, sizeof(gateway->address));
    gateway->given = listeners.given;
    if (make_workers(gateway, &listeners, err) < 0) {
        gateway_destroy(gateway);
        return -1;
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

size_t gateway_listeners(const struct gateway *gateway, bool only_own, int ret_fds[LISTENERS_MAX])
{
    size_t count = 0;
    for (unsigned i = only_own ? gateway->given : 0; i < gateway->worker_count; i++)
        ret_fds[count++] = gateway->workers[i].listen_fd;
    return count;
}

const struct doors *gateway_doors(const struct gateway *gateway)
{
    return &gateway->doors;
}

int gateway_set_desk(struct gateway *gateway, const char *path, struct error *err)
{
    return desk_set(&gateway->shared.desk, path, err);
}

void gateway_set_no_desk(struct gateway *gateway, const struct error *why)
{
    desk_set_problem(&gateway->shared.desk, why);
}

int gateway_open_calls_door(struct gateway *gateway, const char *path, struct error *err)
{
    cleanup_close int fd = -1;
    if (unix_socket_listen(path, COMPONENT_GATEWAY, &fd, err) < 0)
        return -1;
    gateway->calls_path = xstrdup(path);
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (own < 0)
            return error_errno(err, COMPONENT_GATEWAY, errno, "cannot listen at %s", path);
        door_open_calls(&gateway->workers[i], own);
    }
    return 0;
}

int gateway_keep_in_flight(struct gateway *gateway, const char *folder, struct error *err)
{
    if (flight_file_create(folder, gateway->worker_count, &gateway->in_flight, err) < 0)
        return -1;
    for (unsigned i = 0; i < gateway->worker_count; i++)
        gateway->workers[i].exchanges.in_flight = flight_file_part(gateway->in_flight, i);
    return 0;
}

void gateway_take_connection(struct gateway *gateway, int fd, const struct sockaddr_storage *address,
                             bool checked)
{
    handover_post(next_worker(gateway), fd, address, checked);
}

void gateway_drain(struct gateway *gateway)
{
    atomic_store_explicit(&gateway->shared.draining, gateway->worker_count, memory_order_relaxed);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_drain(&gateway->workers[i]);
}

void gateway_hold(struct gateway *gateway)
{
    atomic_store_explicit(&gateway->shared.holding, gateway->worker_count, memory_order_relaxed);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        passing_hold(&gateway->workers[i]);
}

void gateway_pass(struct gateway *gateway)
{
    atomic_store_explicit(&gateway->shared.draining, gateway->worker_count, memory_order_relaxed);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        passing_begin(&gateway->workers[i]);
}

void gateway_leave_paths(struct gateway *gateway)
{
    free(gateway->calls_path);
    gateway->calls_path = NULL;
}

bool gateway_is_at_desk(const struct gateway *gateway)
{
    struct slot_counts counts;
    if (!gateway->shared.desk.pool)
        return false;
    slot_pool_counts(gateway->shared.desk.pool, &counts);
    return counts.busy > 0;
}

void gateway_take_client(struct gateway *gateway, struct passed_client *passed)
{
    struct door *door = passed->instance > 0 ? find_door(gateway, passed->instance) : NULL;
    if (passed->instance > 0 && !door) {
        gateway->early = xgrow(gateway->early, gateway->early_count, sizeof(*gateway->early));
        gateway->early[gateway->early_count++] = passed;
    } else {
        passing_take(door ? door->worker : next_worker(gateway), door, passed);
    }
}

void gateway_counts(const struct gateway *gateway, uint64_t ret_sums[COUNTER_COUNT])
{
    memset(ret_sums, 0, COUNTER_COUNT * sizeof(*ret_sums));
    for (unsigned i = 0; i < gateway->worker_count; i++)
        counters_sum(&gateway->workers[i].loop.counters, ret_sums);
}

size_t gateway_take_records(struct gateway *gateway, gateway_take_record *take, void *context)
{
    struct record_ring *rings[WORKERS_MAX], *ring;
    const uint64_t now_ns = clock_ns();
    size_t count = 0;
    for (unsigned i = 0; i < gateway->worker_count; i++)
        rings[i] = &gateway->workers[i].exchanges.records;
    for (const struct request_record *record;
         (record = record_order_first(rings, gateway->worker_count, now_ns, &ring)); count++) {
        take(record, context);
        record_ring_drop_first(ring);
    }
    return count;
}

bool gateway_await_records(struct gateway *gateway, bool many)
{
    bool awaited = true;
    for (unsigned i = 0; i < gateway->worker_count; i++)
        awaited &=
            record_ring_await(&gateway->workers[i].exchanges.records, many ? RECORD_RING_BYTES / 2 : 0);
    return awaited;
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

/* Closes all clients. However many there are, the records of each round find room. */
static void close_clients(struct gateway *gateway, gateway_take_record *take, void *context)
{
    for (unsigned i = 0; i < gateway->worker_count; i++) {
        while (worker_close_clients(&gateway->workers[i], CLOSED_AT_ONCE))
            gateway_take_records(gateway, take, context);
    }
    deliver_all(gateway);
    gateway_take_records(gateway, take, context);
}

void gateway_stop(struct gateway *gateway, gateway_take_record *take, void *context)
{
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_stop(&gateway->workers[i]);
    close_clients(gateway, take, context);
}

static void drop_record(const struct request_record *record, void *context)
{
    (void)record, (void)context;
}

void gateway_destroy(struct gateway *gateway)
{
    if (!gateway)
        return;
    gateway_stop(gateway, drop_record, NULL);
    for (unsigned i = 0; i < gateway->worker_count; i++)
        worker_clear(&gateway->workers[i]);
    flight_file_destroy(gateway->in_flight);
    address_counts_clear(&gateway->shared.addresses);
    desk_clear(&gateway->shared.desk);
    for (size_t i = 0; i < gateway->early_count; i++)
        passed_client_free(gateway->early[i]);
    free(gateway->early);
    if (gateway->calls_path)
        unlink(gateway->calls_path);
    free(gateway->calls_path);
    free(gateway);
}
