#include "gateway/loop.h"

#include "base/clock.h"
#include "base/container_of.h"
#include "base/log.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Kept for reuse at most. */
#define PARTS_KEPT  256
#define HEADS_KEPT  256
#define BODIES_KEPT 64

/* What has been kept so long without being needed is freed, and so much of it goes back to the system. */
#define TRIM_MS     10000
#define TRIM_BYTES  (1024 * 1024)

#define PART_BUFFER 1000 /* 1 KiB of the heap with its header */
#define BODY_BUFFER 65536

/* --- time --- */

uint64_t loop_now_ns(struct loop *loop)
{
    if (loop->now_ns == 0)
        loop->now_ns = clock_ns();
    return loop->now_ns;
}

static void arm_tick(struct loop *loop, uint64_t at_ms)
{
    uint64_t now_ms = loop_now_ms(loop);
    uint64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    struct timeval wait = {.tv_sec = (time_t)(wait_ms / 1000),
                           .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000)};
    loop->tick_at_ms = at_ms;
    event_add(&loop->tick, &wait);
}

void loop_set_timer(struct loop *loop, struct timer *timer, uint64_t due_ms)
{
    if (due_ms == TIMER_NEVER) {
        timer_stop(timer);
        return;
    }
    timer_set(&loop->wheel, timer, due_ms);
    if (due_ms < loop->tick_at_ms)
        arm_tick(loop, due_ms);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct loop *loop = context;
    loop->tick_at_ms = 0; /* whatever is set meanwhile need not arm */
    timer_wheel_advance(&loop->wheel, loop_now_ms(loop));
    loop->tick_at_ms = TIMER_NEVER;
    uint64_t next_ms = timer_wheel_next_ms(&loop->wheel);
    if (next_ms != TIMER_NEVER)
        arm_tick(loop, next_ms);
}

const char *loop_date(struct loop *loop)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != loop->date_second) {
        loop->date_second = now.tv_sec;
        http_date_format(loop->date, now.tv_sec);
    }
    return loop->date;
}

/* splitmix64: request ids must differ, not be secret. */
uint64_t loop_random(struct loop *loop)
{
    uint64_t z = loop->random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

/* --- memory --- */

static void trim(struct timer *timer, uint64_t now_ms)
{
    struct loop *loop = container_of(timer, struct loop, trim);
    size_t freed = 0;
    bool keeps_some = false;
    for (unsigned i = 0; i < loop->list_count; i++) {
        freed += freelist_trim(loop->lists[i]);
        keeps_some = keeps_some || loop->lists[i]->kept > 0;
    }
    freed += loop->freed_bytes;
    loop->freed_bytes = 0;
    if (freed >= TRIM_BYTES)
        malloc_trim(0);
    if (keeps_some)
        loop_set_timer(loop, timer, now_ms + TRIM_MS);
}

static void want_trim(struct loop *loop)
{
    if (loop->trim.due_ms == TIMER_NEVER)
        loop_set_timer(loop, &loop->trim, loop_now_ms(loop) + TRIM_MS);
}

void loop_freed(struct loop *loop, size_t bytes)
{
    loop->freed_bytes += bytes;
    want_trim(loop);
}

void loop_init_list(struct loop *loop, struct freelist *list, size_t size, unsigned keep)
{
    freelist_init(list, size, keep);
    loop->lists[loop->list_count++] = list;
}

static void init_pool(struct loop *loop, struct buffer_pool *pool, uint32_t capacity, unsigned keep)
{
    buffer_pool_init(pool, capacity, keep);
    loop->lists[loop->list_count++] = &pool->list;
}

/* The capacities differ: a buffer's tells which pool it came from. */
static void init_pools(struct loop *loop)
{
    const struct host_settings *settings = loop->settings;
    uint32_t head = settings->max_head_bytes + LOOP_ADDED_MAX;
    /* A head written anew may be longer: a line grows by a space when it had none behind the colon. */
    uint32_t longest = 2 * head;
    /* Most bodies that are received before a slot is taken are to have room behind their head. */
    uint64_t whole = head + settings->request_buffer_bytes;
    if (whole > longest && whole <= head + BODY_BUFFER)
        longest = (uint32_t)whole;
    init_pool(loop, &loop->parts, PART_BUFFER, PARTS_KEPT);
    init_pool(loop, &loop->heads, head, HEADS_KEPT);
    init_pool(loop, &loop->bodies, longest > BODY_BUFFER ? longest : BODY_BUFFER, BODIES_KEPT);
}

/* NULL: buffers of that capacity are not kept. */
static struct buffer_pool *pool_of(struct loop *loop, uint32_t capacity)
{
    if (capacity == loop->bodies.capacity)
        return &loop->bodies;
    if (capacity == loop->heads.capacity)
        return &loop->heads;
    return capacity == loop->parts.capacity ? &loop->parts : NULL;
}

struct buffer *loop_take(struct loop *loop, uint32_t capacity)
{
    struct buffer_pool *pool = pool_of(loop, capacity);
    return pool ? buffer_take(pool) : buffer_make(capacity);
}

void loop_give(struct loop *loop, struct buffer **held)
{
    if (!*held)
        return;
    want_trim(loop);
    struct buffer_pool *pool = pool_of(loop, (*held)->capacity);
    if (pool) {
        buffer_give(pool, held);
        return;
    }
    loop_freed(loop, (*held)->capacity);
    free(*held);
    *held = NULL;
}

/* --- turns --- */

void loop_postpone(struct loop *loop, struct task *task)
{
    if (task->is_postponed)
        return;
    task->is_postponed = true;
    loop->task_count++;
    task->next = NULL;
    *loop->last_task = task;
    loop->last_task = &task->next;
}

void loop_unpostpone(struct loop *loop, struct task *task)
{
    if (!task->is_postponed)
        return;
    struct task **link = &loop->tasks;
    while (*link != task)
        link = &(*link)->next;
    *link = task->next;
    if (loop->last_task == &task->next)
        loop->last_task = link;
    task->is_postponed = false;
    loop->task_count--;
}

/* Runs the tasks that were postponed until now; those postponed meanwhile are for the next turn. */
static void run_tasks(struct loop *loop)
{
    for (unsigned tasks = loop->task_count; tasks > 0 && loop->tasks; tasks--) {
        struct task *task = loop->tasks;
        loop_unpostpone(loop, task);
        task->run(task);
    }
}

bool loop_deliver(struct loop *loop)
{
    return loop->inbox.fd >= 0 && mailbox_deliver(&loop->inbox, loop);
}

static void on_mail(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    loop_deliver(context);
}

void loop_run(struct loop *loop)
{
    while (loop->phase != LOOP_STOPPED) {
        loop->now_ns = 0;
        if (event_base_loop(loop->base, EVLOOP_ONCE | (loop->tasks ? EVLOOP_NONBLOCK : 0)) < 0) {
            log_error("gateway.loop-failed", LOG_INT("worker", loop->index));
            break;
        }
        run_tasks(loop);
        outbox_flush(&loop->outbox);
    }
}

void loop_stop(struct loop *loop)
{
    loop->phase = LOOP_STOPPED;
    event_base_loopbreak(loop->base);
}

/* --- life --- */

static struct event_base *make_base(struct error *err)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_EARLY_CLOSE);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!base)
        error_set(err, ERROR_EVENT_LOOP, "cannot make an event loop");
    return base;
}

static void init_outbox(struct loop *loop)
{
    int code = outbox_init(&loop->outbox, loop->bodies.capacity);
    if (code < 0)
        log_info("gateway.no-io-uring", LOG_INT("worker", loop->index), LOG_STR("error", strerror(-code)),
                 LOG_STR("hint", "Each message costs a system call of its own. See docs/operations.md."));
}

int loop_init(struct loop *loop, int index, const struct host_settings *settings, struct error *err)
{
    *loop = (struct loop){.index = index, .settings = settings, .inbox.fd = -1, .tick_at_ms = TIMER_NEVER};
    loop->last_task = &loop->tasks;
    init_pools(loop);
    init_outbox(loop);
    timer_wheel_init(&loop->wheel, clock_ms());
    timer_init(&loop->trim, trim);
    if (getrandom(&loop->random_state, sizeof(loop->random_state), 0) < 0)
        loop->random_state = clock_ns();
    loop->base = make_base(err);
    if (!loop->base || mailbox_init(&loop->inbox, err) < 0)
        return -1;
    event_assign(&loop->inbox_event, loop->base, loop->inbox.fd, EV_READ | EV_PERSIST, on_mail, loop);
    event_assign(&loop->tick, loop->base, -1, 0, on_tick, loop);
    if (event_add(&loop->inbox_event, NULL) < 0)
        return error_set(err, ERROR_EVENT_LOOP, "cannot watch the inbox");
    return 0;
}

void loop_clear(struct loop *loop)
{
    if (loop->base) {
        event_del(&loop->inbox_event);
        event_del(&loop->tick);
        event_base_free(loop->base);
    }
    if (loop->inbox.fd >= 0)
        mailbox_clear(&loop->inbox);
    buffer_pool_clear(&loop->parts);
    buffer_pool_clear(&loop->heads);
    buffer_pool_clear(&loop->bodies);
    outbox_clear(&loop->outbox);
}
