#include "fleet/scale/warm_plan.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <math.h>
#include <stdlib.h>

#define HOUR_MS       3600000.0
#define MIB           1048576.0
#define HALF_LIFE_MS  (4 * HOUR_MS) /* after which what has happened counts half */
#define FORGOTTEN_MS  (24 * HOUR_MS) /* who was not called for so long is not expected to be */
#define SPAN_LEAST_MS (HOUR_MS / 6) /* over which a rate is taken */
#define DEPLOYED_PART 0.5 /* of a cold start, that a deployment counts for */
#define OVERDUE_MS    10000 /* for which a scheduled call may be late */
#define VALUE_LEAST   0.05 /* ms saved an hour, by MiB */
#define HELD_FACTOR   1.5 /* what is there is worth more: to replace it costs a start */
#define AGAIN_MS      60000
#define SPARE_PERCENT 6 /* of the machine, that is left to others */

/* While one is due it is expected once in the time that its instance waits for it. */
#define DUE_RATE (HOUR_MS / WARM_LEAD_MS)

/* One instance of a candidate: its first, second, ... */
struct offer {
    size_t candidate;
    unsigned number; /* from 1 on */
    double worth;
};

static double age_of(uint64_t at_ms, uint64_t now_ms)
{
    return now_ms > at_ms ? (double)(now_ms - at_ms) : 0;
}

static double weight_of(uint64_t at_ms, uint64_t now_ms)
{
    return exp2(-age_of(at_ms, now_ms) / HALF_LIFE_MS);
}

/* --- what is expected --- */

static bool is_due(const struct warm_use *use, uint64_t now_ms)
{
    return use->due_ms > 0 && now_ms + WARM_LEAD_MS >= use->due_ms && now_ms < use->due_ms + OVERDUE_MS;
}

/* The hours that the weights of all that is kept stand for: a history that is full says nothing of what was
 * before it. */
static double span_hours(const struct cold_starts *starts, uint64_t now_ms)
{
    double whole = HALF_LIFE_MS / M_LN2 / HOUR_MS;
    if (starts->count < COLD_STARTS_KEPT)
        return whole;
    double kept_ms = fmax(age_of(starts->items[0].at_ms, now_ms), SPAN_LEAST_MS);
    return whole * (1 - exp2(-kept_ms / HALF_LIFE_MS));
}

/* Bursts an hour of at least `number` instances, as the last hours were. */
static double past_rate(const struct cold_starts *starts, unsigned number, uint64_t now_ms)
{
    double sum = 0;
    if (starts->count == 0 || age_of(starts->items[starts->count - 1].at_ms, now_ms) > FORGOTTEN_MS)
        return 0;
    for (size_t i = 0; i < starts->count; i++) {
        if (starts->items[i].count >= number)
            sum += weight_of(starts->items[i].at_ms, now_ms);
    }
    return sum / span_hours(starts, now_ms);
}

/* What is called has shown how often, and is expected no more for having been deployed. */
static bool is_fresh(const struct warm_use *use, uint64_t now_ms)
{
    const struct cold_starts *starts = use->cold_starts;
    bool is_called = starts->count > 0 && starts->items[starts->count - 1].at_ms >= use->deployed_ms;
    return use->deployed_ms > 0 && !is_called && age_of(use->deployed_ms, now_ms) <= FORGOTTEN_MS;
}

static double deployed_rate(const struct warm_use *use, uint64_t now_ms)
{
    if (!is_fresh(use, now_ms))
        return 0;
    return DEPLOYED_PART * weight_of(use->deployed_ms, now_ms) / (HALF_LIFE_MS / M_LN2 / HOUR_MS);
}

/* How often an hour the instance with this number of a kind would be taken. */
static double rate_of(const struct warm_candidate *candidate, unsigned number, uint64_t now_ms)
{
    double rate = 0;
    for (size_t i = 0; i < candidate->use_count; i++) {
        const struct warm_use *use = &candidate->uses[i];
        if (use->most < number)
            continue;
        rate += past_rate(use->cold_starts, number, now_ms);
        if (number == 1)
            rate += deployed_rate(use, now_ms) + (is_due(use, now_ms) ? DUE_RATE : 0);
    }
    return rate;
}

uint64_t warm_memory(const struct warm_candidate *candidate)
{
    return candidate->memory_bytes > 0 ? candidate->memory_bytes : (uint64_t)WARM_GUESS_MIB << 20;
}

static double memory_mib(const struct warm_candidate *candidate)
{
    return (double)warm_memory(candidate) / MIB;
}

static double value_of(const struct warm_candidate *candidate, unsigned number, uint64_t now_ms)
{
    return rate_of(candidate, number, now_ms) * candidate->saved_ms / memory_mib(candidate);
}

/* --- the division --- */

static int compare_offers(const void *left, const void *right)
{
    const struct offer *a = left, *b = right;
    if (a->worth != b->worth)
        return a->worth < b->worth ? 1 : -1;
    if (a->candidate != b->candidate)
        return a->candidate < b->candidate ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

/* What is worth its memory at all, the best first: how many. */
static size_t collect_offers(const struct warm_candidate *candidates, size_t count, uint64_t now_ms,
                             struct offer *ret_offers)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (candidates[i].saved_ms < WARM_LEAST_MS)
            continue;
        for (unsigned number = 1; number <= WARM_KIND_MAX; number++) {
            double held = number <= candidates[i].held ? HELD_FACTOR : 1;
            double worth = value_of(&candidates[i], number, now_ms) * held;
            if (worth < VALUE_LEAST)
                break;
            ret_offers[found++] = (struct offer){i, number, worth};
        }
    }
    qsort(ret_offers, found, sizeof(*ret_offers), compare_offers);
    return found;
}

/* Takes the best first; what does not fit leaves its room to those that are smaller. */
static void take_offers(const struct warm_candidate *candidates, const struct offer *offers,
                        size_t offer_count, uint64_t budget_bytes, struct warm_share *shares)
{
    uint64_t left_bytes = budget_bytes;
    for (size_t i = 0; i < offer_count; i++) {
        struct warm_share *share = &shares[offers[i].candidate];
        uint64_t bytes = warm_memory(&candidates[offers[i].candidate]);
        if (bytes > left_bytes || offers[i].number != share->set_aside + 1)
            continue;
        left_bytes -= bytes;
        share->set_aside++;
    }
}

static unsigned room_of(const struct warm_candidate *candidate)
{
    unsigned room = 0;
    for (size_t i = 0; i < candidate->use_count; i++)
        room += candidate->uses[i].room;
    return room;
}

/* --- the reasons --- */

static enum warm_reason reason_to_keep(const struct warm_candidate *candidate, uint64_t now_ms)
{
    double past = 0, deployed = 0;
    for (size_t i = 0; i < candidate->use_count; i++) {
        const struct warm_use *use = &candidate->uses[i];
        if (is_due(use, now_ms))
            return WARM_SCHEDULED;
        past += past_rate(use->cold_starts, 1, now_ms);
        deployed += deployed_rate(use, now_ms);
    }
    return past >= deployed ? WARM_COLD_STARTS : WARM_DEPLOYED;
}

static enum warm_reason reason_of(const struct warm_candidate *candidate, const struct warm_share *share,
                                  const struct warm_limits *limits, uint64_t now_ms)
{
    if (share->instances > 0)
        return reason_to_keep(candidate, now_ms);
    if (share->set_aside > 0)
        return WARM_IN_USE;
    if (limits->set_bytes == 0)
        return WARM_OFF;
    if (candidate->saved_ms < WARM_LEAST_MS)
        return WARM_SAVES_LITTLE;
    if (share->value < VALUE_LEAST)
        return WARM_NOT_EXPECTED;
    return limits->allowed_bytes < limits->set_bytes ? WARM_SHORT_OF_MEMORY : WARM_NO_ROOM;
}

/* Cold starts in the next hour, of whichever number at once. */
static double expected_of(const struct warm_candidate *candidate, uint64_t now_ms)
{
    double expected = 0;
    for (unsigned number = 1; number <= WARM_KIND_MAX; number++) {
        for (size_t i = 0; i < candidate->use_count; i++)
            expected += past_rate(candidate->uses[i].cold_starts, number, now_ms);
    }
    for (size_t i = 0; i < candidate->use_count; i++)
        expected +=
            deployed_rate(&candidate->uses[i], now_ms) + (is_due(&candidate->uses[i], now_ms) ? 1 : 0);
    return expected;
}

void warm_plan(const struct warm_candidate *candidates, size_t count, const struct warm_limits *limits,
               uint64_t now_ms, struct warm_share *ret_shares)
{
    cleanup_free struct offer *offers = xcalloc(count * WARM_KIND_MAX, sizeof(*offers));
    size_t offer_count = collect_offers(candidates, count, now_ms, offers);
    for (size_t i = 0; i < count; i++)
        ret_shares[i] = (struct warm_share){.expected = expected_of(&candidates[i], now_ms),
                                            .value = value_of(&candidates[i], 1, now_ms)};
    take_offers(candidates, offers, offer_count, limits->allowed_bytes, ret_shares);
    for (size_t i = 0; i < count; i++) {
        unsigned room = room_of(&candidates[i]);
        ret_shares[i].instances = ret_shares[i].set_aside < room ? ret_shares[i].set_aside : room;
        ret_shares[i].reason = reason_of(&candidates[i], &ret_shares[i], limits, now_ms);
    }
}

static uint64_t least(uint64_t one, uint64_t other)
{
    return one < other ? one : other;
}

uint64_t warm_budget(uint64_t budget_bytes, uint64_t held_bytes, uint64_t left_bytes, uint64_t machine_bytes)
{
    const uint64_t spare = machine_bytes / 100 * SPARE_PERCENT, ample = 2 * spare;
    if (left_bytes < spare) {
        uint64_t missing = spare - left_bytes;
        return least(budget_bytes, held_bytes > missing ? held_bytes - missing : 0);
    }
    uint64_t more = left_bytes > ample ? left_bytes - ample : 0;
    return least(budget_bytes, more < budget_bytes ? held_bytes + more : budget_bytes);
}

/* Others may be worth less later, and there may be more memory. */
static bool is_denied(const struct warm_share *share)
{
    return share->reason == WARM_NO_ROOM || share->reason == WARM_SHORT_OF_MEMORY;
}

uint64_t warm_plan_again_ms(const struct warm_candidate *candidates, const struct warm_share *shares,
                            size_t count, uint64_t now_ms)
{
    uint64_t again_ms = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (shares[i].set_aside > 0 || is_denied(&shares[i]))
            again_ms = least(again_ms, now_ms + AGAIN_MS);
        for (size_t j = 0; j < candidates[i].use_count; j++) {
            uint64_t due_ms = candidates[i].uses[j].due_ms;
            if (due_ms > now_ms + WARM_LEAD_MS)
                again_ms = least(again_ms, due_ms - WARM_LEAD_MS);
        }
    }
    return again_ms;
}

const char *warm_reason_name(enum warm_reason reason)
{
    static const char *const names[] = {
        [WARM_OFF] = "off",
        [WARM_SAVES_LITTLE] = "saves-little",
        [WARM_NOT_EXPECTED] = "not-expected",
        [WARM_NO_ROOM] = "no-room",
        [WARM_SHORT_OF_MEMORY] = "short-of-memory",
        [WARM_IN_USE] = "in-use",
        [WARM_COLD_STARTS] = "cold-starts",
        [WARM_DEPLOYED] = "deployed",
        [WARM_SCHEDULED] = "scheduled",
    };
    return names[reason];
}
