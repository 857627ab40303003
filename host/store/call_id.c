#include "store/call_id.h"

#include "base/ident.h"

#include <inttypes.h>
#include <stdio.h>

#define TIME_DIGITS 12
#define TIME_MASK   ((UINT64_C(1) << (4 * TIME_DIGITS)) - 1)

void call_id_make(uint64_t now_ms, char ret_id[CALL_ID_DIGITS + 1])
{
    snprintf(ret_id, TIME_DIGITS + 1, "%012" PRIx64, now_ms & TIME_MASK);
    ident_random(ret_id + TIME_DIGITS, CALL_ID_DIGITS - TIME_DIGITS);
}
