#include "gateway/request_record.h"

#include "base/error.h"
#include "base/network.h"
#include "gateway/request_id.h"
#include "http/traceparent.h"

#include <string.h>

static const uint16_t text_max[REQUEST_TEXTS] = {
    [REQUEST_ID] = REQUEST_ID_MAX,
    [REQUEST_METHOD] = 31,
    [REQUEST_TARGET] = REQUEST_TARGET_MAX,
    [REQUEST_FUNCTION] = 127,
    [REQUEST_CLIENT] = INET6_ADDRSTRLEN,
    [REQUEST_CALLER] = 63,
    [REQUEST_TRACE] = TRACE_ID_DIGITS,
    [REQUEST_MESSAGE] = sizeof(((struct error *)NULL)->message),
    [REQUEST_HINT] = sizeof(((struct error *)NULL)->hint),
};

const char *request_end_name(enum request_end end)
{
    static const char *const names[] = {
        [REQUEST_ANSWERED] = "answered", [REQUEST_CUT] = "cut",         [REQUEST_CLIENT_GONE] = "client-gone",
        [REQUEST_EVICTED] = "evicted",   [REQUEST_STOPPED] = "stopped", [REQUEST_ACCEPTED] = "accepted",
    };
    return names[end];
}

/* From one moment to another; 0 when one of them never came. */
static uint64_t between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns > 0 && to_ns > from_ns ? to_ns - from_ns : 0;
}

struct request_phases request_phases_of(const struct request_record *record)
{
    const struct request_times *times = &record->times;
    return (struct request_phases){
        .head_ns = between(times->began_ns, times->head_ns),
        .body_ns = between(times->head_ns, times->body_ns),
        .queue_ns = record->waited_ns,
        .run_ns = between(times->slot_ns, times->reply_ns > 0 ? times->reply_ns : times->end_ns),
        .answer_ns = between(times->reply_ns, times->end_ns),
        .whole_ns = between(times->head_ns > 0 ? times->head_ns : times->began_ns, times->end_ns),
    };
}

size_t request_record_size(struct http_text texts[REQUEST_TEXTS])
{
    size_t size = sizeof(struct request_record);
    for (size_t i = 0; i < REQUEST_TEXTS; i++) {
        if (texts[i].length > text_max[i])
            texts[i].length = text_max[i];
        size += texts[i].length + 1;
    }
    return size;
}

void request_record_set_texts(struct request_record *record, const struct http_text texts[REQUEST_TEXTS])
{
    uint16_t at = 0;
    for (size_t i = 0; i < REQUEST_TEXTS; i++) {
        record->text_at[i] = at;
        if (texts[i].length > 0)
            memcpy(record->texts + at, texts[i].data, texts[i].length);
        at += (uint16_t)texts[i].length;
        record->texts[at++] = '\0';
    }
    record->texts_size = at;
}
