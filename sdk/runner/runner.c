#include "berth/runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define REDIAL_FIRST_MS 20
#define REDIAL_MAX_MS   100
#define LASTING_MS      1000

/* One slot: a thread with its connection. */
struct slot {
    struct pool *pool;
    struct berth_connection *connection;
    pthread_t thread;
};

/* `mutex` guards `slots` and `count`. `stopped` becomes readable, for all threads, when `stopping` is set. */
struct pool {
    const char *path;
    struct berth_instance *instance;
    pthread_mutex_t mutex;
    struct slot *slots[BERTH_CONCURRENCY_MAX];
    unsigned count;
    atomic_bool stopping;
    int stopped;
};

unsigned berth_redial_delay_ms(struct berth_redial *redial, bool useful)
{
    if (useful)
        redial->failures = 0;
    unsigned delay = 0;
    if (redial->failures > 0) {
        delay = REDIAL_FIRST_MS;
        for (unsigned i = 1; i < redial->failures && delay < REDIAL_MAX_MS; i++)
            delay *= 2;
    }
    redial->failures++;
    return delay < REDIAL_MAX_MS ? delay : REDIAL_MAX_MS;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *run_slot(void *argument);

/* With the mutex held. */
static int add_slot(struct pool *pool)
{
    struct slot *slot = calloc(1, sizeof(*slot));
    if (slot)
        slot->connection = berth_connection_create();
    if (slot && slot->connection) {
        slot->pool = pool;
        int rc = pthread_create(&slot->thread, NULL, run_slot, slot);
        if (rc == 0) {
            pool->slots[pool->count++] = slot;
            return 0;
        }
        errno = rc;
    }
    fprintf(stderr, "berth runner: cannot open slot %u: %s\n", pool->count, strerror(errno));
    if (slot)
        berth_connection_destroy(slot->connection);
    free(slot);
    return -1;
}

/* Returns how many there are. */
static unsigned open_slots(struct pool *pool, unsigned wanted)
{
    pthread_mutex_lock(&pool->mutex);
    while (pool->count < wanted && !atomic_load(&pool->stopping) && add_slot(pool) == 0)
        continue;
    unsigned count = pool->count;
    pthread_mutex_unlock(&pool->mutex);
    return count;
}

/* Serves one connection until it is gone. True when it carried a request. */
static bool serve_connection(struct slot *slot)
{
    struct pool *pool = slot->pool;
    struct berth_request *request;
    bool carried = false;
    while (berth_connection_next(slot->connection, &request) > 0) {
        carried = true;
        enum berth_served served = berth_instance_serve(pool->instance, request);
        if (served == BERTH_LOADED)
            (void)open_slots(pool, berth_instance_settings(pool->instance)->concurrency);
        if (served == BERTH_CLOSED)
            break;
    }
    return carried;
}

/* False when the runner stops meanwhile. */
static bool wait_ms(struct pool *pool, unsigned delay_ms)
{
    struct pollfd stopped = {.fd = pool->stopped, .events = POLLIN};
    int64_t deadline = now_ms() + delay_ms;
    for (int64_t left = delay_ms; left > 0; left = deadline - now_ms())
        if (poll(&stopped, 1, (int)left) > 0)
            return false;
    return !atomic_load(&pool->stopping);
}

static void *run_slot(void *argument)
{
    struct slot *slot = argument;
    struct berth_redial redial = {0};
    bool useful = false;
    while (wait_ms(slot->pool, berth_redial_delay_ms(&redial, useful))) {
        useful = false;
        if (berth_connection_dial(slot->connection, slot->pool->path) < 0)
            continue;
        int64_t since = now_ms();
        bool carried = serve_connection(slot);
        useful = carried || now_ms() - since >= LASTING_MS;
    }
    return NULL;
}

/* Ends the waiting connections, lets the busy ones finish, and frees the slots. */
static void stop_slots(struct pool *pool)
{
    atomic_store(&pool->stopping, true);
    (void)!write(pool->stopped, &(uint64_t){1}, sizeof(uint64_t));
    pthread_mutex_lock(&pool->mutex);
    unsigned count = pool->count; /* it grows no more */
    for (unsigned i = 0; i < count; i++)
        berth_connection_interrupt(pool->slots[i]->connection);
    pthread_mutex_unlock(&pool->mutex);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(pool->slots[i]->thread, NULL);
        berth_connection_destroy(pool->slots[i]->connection);
        free(pool->slots[i]);
    }
}

static void wait_for_signal(const sigset_t *signals)
{
    int number;
    while (sigwait(signals, &number) != 0)
        continue;
}

static int run_pool(struct pool *pool, const sigset_t *signals)
{
    if (open_slots(pool, 1) == 0)
        return 1;
    wait_for_signal(signals);
    stop_slots(pool);
    return 0;
}

int berth_runner_run(const struct berth_runner *runner)
{
    const char *path = getenv("BERTH_SOCKET");
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct pool *pool = calloc(1, sizeof(*pool));
    struct berth_instance *instance = berth_instance_create(runner);
    int stopped = eventfd(0, EFD_CLOEXEC);
    int status = 1;
    if (pool && instance && stopped >= 0) {
        pool->path = path ? path : BERTH_SOCKET_DEFAULT;
        pool->instance = instance;
        pool->stopped = stopped;
        pthread_mutex_init(&pool->mutex, NULL);
        status = run_pool(pool, &signals);
        pthread_mutex_destroy(&pool->mutex);
    } else {
        fprintf(stderr, "berth runner: cannot start: %s\n", strerror(errno));
    }
    if (stopped >= 0)
        close(stopped);
    berth_instance_destroy(instance);
    free(pool);
    return status;
}
