#include "virtual_time.h"

#include "chance.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BEGIN_S UINT64_C(1000000) /* of the monotonic clock */
#define WALL_BEGIN_S                                                                                         \
    UINT64_C(1900000000) /* after whatever this machine's files say of when they were changed */
#define SECOND_NS UINT64_C(1000000000)
#define MS_NS     UINT64_C(1000000)

static bool begun;
static uint64_t passed_ns;
static unsigned turns_at_once;
static virtual_time_turn_fn *on_turn;
static struct chance identities, order;

void virtual_time_begin(uint64_t seed, virtual_time_turn_fn *turn)
{
    chance_seed(&identities, seed ^ UINT64_C(0x1dea));
    chance_seed(&order, seed ^ UINT64_C(0x04de));
    on_turn = turn;
    passed_ns = 0;
    begun = true;
}

uint64_t virtual_time_ms(void)
{
    return passed_ns / MS_NS;
}

unsigned virtual_time_turns_at_once(void)
{
    return turns_at_once;
}

static int kernel_clock(clockid_t clock, struct timespec *ret_time)
{
    return (int)syscall(SYS_clock_gettime, clock, ret_time);
}

uint64_t virtual_time_real_ms(void)
{
    struct timespec now;
    kernel_clock(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / MS_NS;
}

/* --- in the place of the C library's --- */

#define EXPORTED __attribute__((visibility("default"))) /* shared libraries are to find it */

/* Names of parameters that the library has kept for itself cannot be used.
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

EXPORTED int clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    bool is_monotonic = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE ||
                        clock == CLOCK_MONOTONIC_RAW || clock == CLOCK_BOOTTIME;
    if (!begun || (!is_wall && !is_monotonic))
        return kernel_clock(clock, ret_time);
    ret_time->tv_sec = (time_t)((is_wall ? WALL_BEGIN_S : BEGIN_S) + passed_ns / SECOND_NS);
    ret_time->tv_nsec = (long)(passed_ns % SECOND_NS);
    return 0;
}

EXPORTED int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    (void)zone;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

EXPORTED time_t time(time_t *ret_time)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}

EXPORTED ssize_t getrandom(void *buffer, size_t size, unsigned flags)
{
    if (!begun)
        return syscall(SYS_getrandom, buffer, size, flags);
    unsigned char *bytes = buffer;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)chance_below(&identities, 256);
    return (ssize_t)size;
}

static int kernel_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    return (int)syscall(SYS_epoll_pwait, epoll, events, max, timeout_ms, NULL, 0);
}

/* What is ready at the same moment may be told in any order. */
static void shuffle(struct epoll_event *events, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int other = (int)chance_below(&order, (unsigned)i + 1);
        struct epoll_event kept = events[i];
        events[i] = events[other];
        events[other] = kept;
    }
}

EXPORTED int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    if (!begun)
        return kernel_wait(epoll, events, max, timeout_ms);
    turns_at_once++;
    on_turn();
    int ready = kernel_wait(epoll, events, max, 0);
    if (ready > 0)
        shuffle(events, ready);
    if (ready != 0 || timeout_ms <= 0)
        return ready;
    passed_ns += (uint64_t)timeout_ms * MS_NS;
    turns_at_once = 0;
    return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
