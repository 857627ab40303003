/*
 * What the outcome of an attempt means for its call, and when the next attempt is due. Pure: times and chance
 * are passed in. Times are those of the wall clock, in milliseconds since 1970.
 */
#ifndef CALLS_RETRY_H
#define CALLS_RETRY_H

#include "base/error_code.h"
#include "config/registry.h"

#include <stdbool.h>
#include <stdint.h>

enum attempt_kind {
    ATTEMPT_ANSWERED, /* by the function, with `status` */
    ATTEMPT_TIMED_OUT, /* the function took longer than it may */
    ATTEMPT_BROKEN, /* its instance could not be had to answer, or went away before its answer was whole */
    ATTEMPT_REFUSED, /* by this host, which would do so again */
    ATTEMPT_NOT_MADE, /* this host had no room for it, or does not know the function now */
};

/* An answer as it came from the gateway. */
struct attempt_answer {
    int status;
    bool served; /* a function gave it, else this host itself */
    enum error_component component; /* of an error of this host's; COMPONENT_NONE: not known */
    enum error_code code;
};

enum attempt_kind attempt_judge(const struct attempt_answer *answer);

enum retry_verdict {
    RETRY_DONE, /* the call has its result */
    RETRY_AGAIN, /* another attempt, at `due_ms` */
    RETRY_PUT_BACK, /* the same attempt again, once the function is to be had */
    RETRY_GIVE_UP, /* a dead letter: what failed is not to be repeated, or often enough */
    RETRY_TOO_OLD, /* a dead letter: it has reached its max_age */
};

struct retry_case {
    enum attempt_kind kind;
    int status; /* of ATTEMPT_ANSWERED */
    uint64_t retry_after_ms; /* that the answer asks to wait; 0: it does not */
    unsigned attempts; /* made so far, with this one */
    uint64_t since_ms; /* what the call's age counts from */
    uint64_t now_ms;
    uint32_t chance; /* any number */
};

struct retry_decision {
    enum retry_verdict verdict;
    uint64_t due_ms; /* of RETRY_AGAIN */
};

struct retry_decision retry_decide(const struct call_settings *settings, const struct retry_case *attempt);

/* Whether a call that is waiting is too old to be begun. */
bool retry_is_too_old(const struct call_settings *settings, uint64_t since_ms, uint64_t now_ms);

/* How long a function's calls stay back that were put back `times` times in a row, once or more. */
uint64_t retry_hold_ms(unsigned times, uint32_t chance);

/* How long a header Retry-After asks to wait, in seconds or as an HTTP date. 0: no time, or it is none. */
uint64_t retry_after_read(const char *value, uint64_t now_ms);

#endif
