#include "http/body.h"

#include "http/trailers.h"

#define CHUNK_DIGITS_MAX    16
#define CHUNK_SIZE_MAX      ((uint64_t)INT64_MAX)
#define EXTENSION_LINE_MAX  1024 /* bytes of one chunk's extensions */
#define EXTENSION_TOTAL_MAX 16384 /* bytes of all extensions of a body */

/* The states before STATE_TRAILERS belong to chunked bodies. */
enum body_state {
    STATE_CHUNK_SIZE,
    STATE_CHUNK_EXTENSION,
    STATE_CHUNK_SIZE_LF,
    STATE_CHUNK_DATA,
    STATE_CHUNK_DATA_CR,
    STATE_CHUNK_DATA_LF,
    STATE_TRAILERS,
    STATE_PAYLOAD, /* of a body that is not chunked */
    STATE_DONE,
    STATE_FAILED,
};

enum trailer_line_state {
    LINE_BEGIN, /* the next byte begins a line */
    LINE_INSIDE, /* a line has begun and waits for its LF */
    LINE_LAST_LF, /* the CR of the empty line has come */
};

static bool fail(struct http_body *body, enum error_code code)
{
    body->state = STATE_FAILED;
    body->code = code;
    return false;
}

static enum body_state first_state(enum http_framing framing, int64_t content_length)
{
    switch (framing) {
    case HTTP_FRAMING_CHUNKED:
        return STATE_CHUNK_SIZE;
    case HTTP_FRAMING_LENGTH:
        return content_length > 0 ? STATE_PAYLOAD : STATE_DONE;
    case HTTP_FRAMING_UNTIL_CLOSE:
        return STATE_PAYLOAD;
    default:
        return STATE_DONE;
    }
}

void http_body_init(struct http_body *body, enum http_framing framing, int64_t content_length, uint64_t limit)
{
    *body = (struct http_body){
        .framing = (uint8_t)framing,
        .state = (uint8_t)first_state(framing, content_length),
        .limit = limit,
    };
    if (framing == HTTP_FRAMING_LENGTH && content_length > 0) {
        body->remaining = (uint64_t)content_length;
        if (body->remaining > limit)
            fail(body, ERROR_BODY_TOO_LARGE);
    } else if (framing == HTTP_FRAMING_UNTIL_CLOSE) {
        body->remaining = UINT64_MAX;
    }
}

void http_body_init_head(struct http_body *body, const struct http_head *head, uint64_t limit)
{
    http_body_init(body, (enum http_framing)head->framing, head->content_length, limit);
}

void http_body_clear(struct http_body *body)
{
    http_trailers_destroy(body->trailers);
    body->trailers = NULL;
}

static int hex_value(char c)
{
    if (http_char_is_digit(c))
        return c - '0';
    char small = (char)(c | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

static bool step_size(struct http_body *body, char c)
{
    int value = hex_value(c);
    if (value >= 0) {
        body->remaining = body->remaining << 4 | (unsigned)value;
        return ++body->digits <= CHUNK_DIGITS_MAX || fail(body, ERROR_CHUNK_SIZE);
    }
    if (c == '\n')
        return fail(body, ERROR_CHUNK_LINE_END);
    if (body->digits == 0 || (c != '\r' && c != ';'))
        return fail(body, ERROR_CHUNK_SIZE);
    body->state = c == ';' ? STATE_CHUNK_EXTENSION : STATE_CHUNK_SIZE_LF;
    return true;
}

static bool step_extension(struct http_body *body, char c)
{
    if (c == '\r') {
        body->state = STATE_CHUNK_SIZE_LF;
        return true;
    }
    if (c == '\n')
        return fail(body, ERROR_CHUNK_LINE_END);
    if (http_char_is_control(c) || ++body->line_bytes > EXTENSION_LINE_MAX ||
        ++body->overhead_bytes > EXTENSION_TOTAL_MAX)
        return fail(body, ERROR_CHUNK_EXTENSION);
    return true;
}

static bool step_size_lf(struct http_body *body, char c)
{
    if (c != '\n')
        return fail(body, ERROR_CHUNK_LINE_END);
    if (body->remaining > CHUNK_SIZE_MAX)
        return fail(body, ERROR_CHUNK_SIZE);
    if (body->remaining > body->limit - body->received)
        return fail(body, ERROR_BODY_TOO_LARGE);
    body->state = body->remaining > 0 ? STATE_CHUNK_DATA : STATE_TRAILERS;
    return true;
}

static bool step_data_cr(struct http_body *body, char c)
{
    if (c != '\r')
        return fail(body, ERROR_CHUNK_DATA_END);
    body->state = STATE_CHUNK_DATA_LF;
    return true;
}

static bool step_data_lf(struct http_body *body, char c)
{
    if (c != '\n')
        return fail(body, ERROR_CHUNK_DATA_END);
    body->state = STATE_CHUNK_SIZE;
    body->digits = 0;
    body->line_bytes = 0;
    return true;
}

/* One byte of chunk framing. */
static bool step(struct http_body *body, char c)
{
    static bool (*const steps[])(struct http_body *, char) = {
        [STATE_CHUNK_SIZE] = step_size,       [STATE_CHUNK_EXTENSION] = step_extension,
        [STATE_CHUNK_SIZE_LF] = step_size_lf, [STATE_CHUNK_DATA_CR] = step_data_cr,
        [STATE_CHUNK_DATA_LF] = step_data_lf,
    };
    return steps[body->state](body, c);
}

/* Counts up to `size` payload bytes off and returns how many there are. */
static size_t take_payload(struct http_body *body, size_t size, enum body_state state_behind)
{
    size_t count = body->remaining < size ? (size_t)body->remaining : size;
    body->remaining -= count;
    body->received += count;
    if (body->remaining == 0)
        body->state = (uint8_t)state_behind;
    return count;
}

static bool keep_trailers(struct http_body *body, const char *bytes, size_t size)
{
    if (!body->trailers) {
        body->trailers = http_trailers_create();
        if (!body->trailers)
            return fail(body, ERROR_GATEWAY_OUT_OF_MEMORY);
    }
    return http_trailers_append(body->trailers, bytes, size) || fail(body, ERROR_TRAILERS_TOO_LARGE);
}

static bool finish_trailers(struct http_body *body)
{
    if (body->trailers)
        body->code = http_trailers_parse(body->trailers);
    body->state = body->code == ERROR_NONE ? STATE_DONE : STATE_FAILED;
    return body->code == ERROR_NONE;
}

/* Handles the bytes from the start of a trailer line, or from inside one, to its end. Returns how many, 0
 * after a failure. */
static size_t step_trailer_line(struct http_body *body, const char *bytes, size_t size)
{
    if (body->line_state == LINE_LAST_LF) {
        bool ended = bytes[0] == '\n' || fail(body, ERROR_BARE_CR);
        return ended && finish_trailers(body) ? 1 : 0;
    }
    if (body->line_state == LINE_BEGIN && (bytes[0] == '\r' || bytes[0] == '\n')) {
        body->line_state = LINE_LAST_LF;
        return bytes[0] == '\r' || fail(body, ERROR_LINE_END) ? 1 : 0;
    }
    const char *line_end = memchr(bytes, '\n', size);
    size_t length = line_end ? (size_t)(line_end - bytes) + 1 : size;
    body->line_state = line_end ? LINE_BEGIN : LINE_INSIDE;
    return keep_trailers(body, bytes, length) ? length : 0;
}

static enum http_body_step outcome(const struct http_body *body)
{
    if (body->state == STATE_FAILED)
        return HTTP_BODY_ERROR;
    return body->state == STATE_DONE ? HTTP_BODY_DONE : HTTP_BODY_MORE;
}

static enum http_body_step scan_trailers(struct http_body *body, const char *bytes, size_t size,
                                         size_t *consumed)
{
    while (*consumed < size && body->state == STATE_TRAILERS)
        *consumed += step_trailer_line(body, bytes + *consumed, size - *consumed);
    return outcome(body);
}

static enum http_body_step yield(const char *bytes, size_t from, size_t to, struct http_text *ret_data,
                                 size_t *ret_consumed)
{
    *ret_data = http_text_make(bytes + from, to - from);
    *ret_consumed = to;
    return HTTP_BODY_DATA;
}

static enum http_body_step scan_chunks(struct http_body *body, const char *bytes, size_t size,
                                       struct http_text *ret_data, size_t *ret_consumed)
{
    size_t i = 0;
    while (i < size && body->state < STATE_TRAILERS) {
        if (body->state == STATE_CHUNK_DATA) {
            size_t count = take_payload(body, size - i, STATE_CHUNK_DATA_CR);
            return yield(bytes, i, i + count, ret_data, ret_consumed);
        }
        if (!step(body, bytes[i++]))
            return HTTP_BODY_ERROR;
    }
    *ret_consumed = i;
    return scan_trailers(body, bytes, size, ret_consumed);
}

/* A run is what can be forwarded as it came: it ends where an extension begins, and behind the last chunk's
 * line. */
static enum http_body_step scan_chunks_raw(struct http_body *body, const char *bytes, size_t size,
                                           struct http_text *ret_data, size_t *ret_consumed)
{
    size_t run = 0;
    size_t i = 0;
    while (i < size && body->state < STATE_TRAILERS) {
        if (body->state == STATE_CHUNK_DATA) {
            i += take_payload(body, size - i, STATE_CHUNK_DATA_CR);
            continue;
        }
        bool extension_begins = body->state == STATE_CHUNK_SIZE && bytes[i] == ';';
        if (extension_begins && i > run)
            return yield(bytes, run, i, ret_data, ret_consumed);
        if (!step(body, bytes[i++]))
            return HTTP_BODY_ERROR;
        if (body->state == STATE_CHUNK_EXTENSION)
            run = i;
    }
    if (i > run)
        return yield(bytes, run, i, ret_data, ret_consumed);
    *ret_consumed = i;
    return scan_trailers(body, bytes, size, ret_consumed);
}

static enum http_body_step scan_payload(struct http_body *body, const char *bytes, size_t size,
                                        struct http_text *ret_data, size_t *ret_consumed)
{
    if (body->limit - body->received < size && body->framing == HTTP_FRAMING_UNTIL_CLOSE) {
        fail(body, ERROR_BODY_TOO_LARGE);
        return HTTP_BODY_ERROR;
    }
    return yield(bytes, 0, take_payload(body, size, STATE_DONE), ret_data, ret_consumed);
}

enum http_body_step http_body_scan(struct http_body *body, const char *bytes, size_t size,
                                   struct http_text *ret_data, size_t *ret_consumed)
{
    *ret_consumed = 0;
    if (body->state >= STATE_DONE || size == 0)
        return outcome(body);
    return body->state == STATE_PAYLOAD ? scan_payload(body, bytes, size, ret_data, ret_consumed)
                                        : scan_chunks(body, bytes, size, ret_data, ret_consumed);
}

enum http_body_step http_body_scan_raw(struct http_body *body, const char *bytes, size_t size,
                                       struct http_text *ret_data, size_t *ret_consumed)
{
    *ret_consumed = 0;
    if (body->state >= STATE_DONE || size == 0)
        return outcome(body);
    return body->state == STATE_PAYLOAD ? scan_payload(body, bytes, size, ret_data, ret_consumed)
                                        : scan_chunks_raw(body, bytes, size, ret_data, ret_consumed);
}

bool http_body_is_done(const struct http_body *body)
{
    return body->state == STATE_DONE;
}

bool http_body_end_of_stream(struct http_body *body)
{
    if (body->framing == HTTP_FRAMING_UNTIL_CLOSE && body->state == STATE_PAYLOAD)
        body->state = STATE_DONE;
    return body->state == STATE_DONE;
}
