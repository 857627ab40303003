#include "calls/retry.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOLD_FIRST_MS 250
#define HOLD_LAST_MS  5000
#define DOUBLINGS_MAX 32 /* beyond it every wait is at its longest */

/* --- what an answer means --- */

/* The function's, or its instance's, which a caller who waits would have been told of as well. */
static bool is_of_instance(enum error_component component)
{
    return component == COMPONENT_RUNNER || component == COMPONENT_CONTAINER ||
           component == COMPONENT_FUNCTION;
}

enum attempt_kind attempt_judge(const struct attempt_answer *answer)
{
    if (answer->served)
        return ATTEMPT_ANSWERED;
    if (answer->status == 504)
        return ATTEMPT_TIMED_OUT;
    if (answer->status == 502 || is_of_instance(answer->component))
        return ATTEMPT_BROKEN;
    if (answer->status == 503)
        return ATTEMPT_NOT_MADE;
    bool is_unknown =
        answer->status == 404 && (answer->code == ERROR_NONE || answer->code == ERROR_FUNCTION_UNKNOWN);
    return is_unknown ? ATTEMPT_NOT_MADE : ATTEMPT_REFUSED;
}

/* --- what is to follow --- */

static bool has_failed(const struct retry_case *attempt, const struct call_settings *settings)
{
    return attempt->kind != ATTEMPT_ANSWERED ||
           retry_causes_have_status(&settings->retry_on, attempt->status);
}

static bool may_be_repeated(const struct retry_case *attempt, const struct call_settings *settings)
{
    if (attempt->kind == ATTEMPT_TIMED_OUT)
        return settings->retry_on.timeout;
    if (attempt->kind == ATTEMPT_BROKEN)
        return settings->retry_on.connection;
    return attempt->kind == ATTEMPT_ANSWERED;
}

/* `base` doubled so many times, at most `max`. */
static uint64_t doubled(uint64_t base, unsigned times, uint64_t max)
{
    if (times > DOUBLINGS_MAX || base > max >> times)
        return max;
    return base << times;
}

/* Between half of it and all of it. */
static uint64_t jittered(uint64_t whole, uint32_t chance)
{
    return whole - whole / 2 * chance / UINT32_MAX;
}

static uint64_t wait_before_next(const struct call_settings *settings, const struct retry_case *attempt)
{
    bool may_ask = attempt->kind == ATTEMPT_ANSWERED && (attempt->status == 429 || attempt->status == 503);
    uint64_t max = settings->retry_wait_max_ms;
    if (may_ask && attempt->retry_after_ms > 0)
        return attempt->retry_after_ms < max ? attempt->retry_after_ms : max;
    return jittered(doubled(settings->retry_wait_ms, attempt->attempts - 1, max), attempt->chance);
}

bool retry_is_too_old(const struct call_settings *settings, uint64_t since_ms, uint64_t now_ms)
{
    return now_ms >= since_ms && now_ms - since_ms >= settings->max_age_ms;
}

struct retry_decision retry_decide(const struct call_settings *settings, const struct retry_case *attempt)
{
    if (!has_failed(attempt, settings))
        return (struct retry_decision){.verdict = RETRY_DONE};
    if (attempt->kind == ATTEMPT_NOT_MADE) {
        bool is_late = retry_is_too_old(settings, attempt->since_ms, attempt->now_ms);
        return (struct retry_decision){.verdict = is_late ? RETRY_TOO_OLD : RETRY_PUT_BACK};
    }
    if (!may_be_repeated(attempt, settings) || attempt->attempts > settings->retries)
        return (struct retry_decision){.verdict = RETRY_GIVE_UP};
    uint64_t due_ms = attempt->now_ms + wait_before_next(settings, attempt);
    if (retry_is_too_old(settings, attempt->since_ms, due_ms))
        return (struct retry_decision){.verdict = RETRY_TOO_OLD};
    return (struct retry_decision){.verdict = RETRY_AGAIN, .due_ms = due_ms};
}

uint64_t retry_hold_ms(unsigned times, uint32_t chance)
{
    return jittered(doubled(HOLD_FIRST_MS, times - 1, HOLD_LAST_MS), chance);
}

/* --- Retry-After --- */

static uint64_t read_seconds(const char *value)
{
    char *end;
    uint64_t seconds = strtoull(value, &end, 10);
    return *end == '\0' && seconds < UINT64_MAX / 1000 ? seconds * 1000 : 0;
}

uint64_t retry_after_read(const char *value, uint64_t now_ms)
{
    if (isdigit((unsigned char)*value))
        return read_seconds(value);
    struct tm date = {0};
    const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &date);
    time_t at = end && *end == '\0' ? timegm(&date) : 0;
    uint64_t at_ms = at > 0 ? (uint64_t)at * 1000 : 0;
    return at_ms > now_ms ? at_ms - now_ms : 0;
}
