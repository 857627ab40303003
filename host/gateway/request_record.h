/*
 * What is known of a request after its end: all that the log, the counts and whoever asks later have to go
 * by. It refers to nothing: functions, revisions and instances may be gone when it is read.
 */
#ifndef GATEWAY_REQUEST_RECORD_H
#define GATEWAY_REQUEST_RECORD_H

#include "base/error_code.h"
#include "http/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum request_end {
    REQUEST_ANSWERED, /* the answer went out to its end, whoever made it */
    REQUEST_CUT, /* the connection was cut, mostly within the answer: `code` says why */
    REQUEST_CLIENT_GONE, /* the client left before */
    REQUEST_EVICTED, /* the client made room for others before its head was complete */
    REQUEST_STOPPED, /* the daemon ended */
    REQUEST_ACCEPTED, /* it is done later, by another request; who sent it has been told so */
};

/* When it came so far, in nanoseconds of the monotonic clock; 0: it never did. Of a request that was sent
 * again `slot_ns` and `reply_ns` are of the last time. */
struct request_times {
    uint64_t began_ns; /* its first byte was there */
    uint64_t head_ns; /* its head */
    uint64_t body_ns; /* all of its body */
    uint64_t slot_ns; /* it had a slot */
    uint64_t reply_ns; /* the runner's first byte was there */
    uint64_t end_ns;
};

enum request_text {
    REQUEST_ID,
    REQUEST_METHOD,
    REQUEST_TARGET, /* as it was sent, cut to REQUEST_TARGET_MAX bytes */
    REQUEST_FUNCTION, /* what the target names, whether there is such a function or not */
    REQUEST_CLIENT, /* its address */
    REQUEST_CALLER, /* the function that made it; "": none did */
    REQUEST_TRACE, /* the id of the trace that it belongs to; "": it named none */
    REQUEST_MESSAGE, /* of the error */
    REQUEST_HINT, /* of the error */
    REQUEST_TEXTS,
};

#define REQUEST_TARGET_MAX 1024

struct request_record {
    struct request_times times;
    uint64_t waited_ns; /* in queues */
    uint64_t instance,
        revision; /* the last ones, by the 12 hexadecimal digits that they are shown with; 0: none */
    uint64_t bytes_in, bytes_out; /* from the client and to it, heads included */
    enum error_code code; /* what went wrong; ERROR_NONE: nothing */
    enum error_component component; /* of the code */
    uint16_t status; /* of the answer; 0: there was none */
    uint16_t depth; /* functions that called each other up to it; 0: none did */
    uint8_t end; /* enum request_end */
    bool is_own; /* the gateway made the answer itself */
    bool is_routed; /* there is such a function */
    bool is_cold; /* it had to wait for an instance */
    bool is_stream; /* it ended when it liked: an event stream or an upgraded connection */
    uint16_t text_at[REQUEST_TEXTS]; /* in `texts`, one behind the other, each with a NUL */
    uint16_t texts_size;
    char texts[];
};

/* One of its texts, whatever bytes it has; never NULL. */
static inline const char *request_text(const struct request_record *record, enum request_text text)
{
    return record->texts + record->text_at[text];
}

/* How many bytes one has. */
static inline size_t request_text_length(const struct request_record *record, enum request_text text)
{
    size_t end = text + 1 < REQUEST_TEXTS ? record->text_at[text + 1] : record->texts_size;
    return end - record->text_at[text] - 1;
}

/* Where the time of a request went, in nanoseconds; 0 of what never came. */
struct request_phases {
    uint64_t head_ns, body_ns; /* its head came; the rest of its body */
    uint64_t queue_ns; /* it waited for a slot */
    uint64_t run_ns; /* on the slot, up to the first byte that came back or to its end */
    uint64_t answer_ns; /* from there on */
    uint64_t whole_ns; /* from the end of its head on, when that has come */
};

struct request_phases request_phases_of(const struct request_record *record);

/* "answered", "cut", "client-gone", "evicted", "stopped", "accepted" */
const char *request_end_name(enum request_end end);

/* Whether the client has got all that it was to get. */
static inline bool request_end_is_regular(enum request_end end)
{
    return end == REQUEST_ANSWERED || end == REQUEST_ACCEPTED;
}

/* Cuts each text to what a record takes of it. Returns the size of a record with them. */
size_t request_record_size(struct http_text texts[REQUEST_TEXTS]);

/* Writes the texts, cut before. */
void request_record_set_texts(struct request_record *record, const struct http_text texts[REQUEST_TEXTS]);

#endif
