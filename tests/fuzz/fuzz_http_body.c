/*
 * Any bytes as a body. The first input byte chooses framing and limit, the second the length and the size of
 * the pieces. Whole, in pieces and byte by byte must come to the same; and what the raw scan of a chunked
 * body forwards must be a chunked body with the same payload.
 */
#include "http/body.h"
#include "http/problem.h"
#include "http/trailers.h"
#include "http/write.h"

#include <stdlib.h>

#define INPUT_MAX   4096
#define OUT_MAX     (INPUT_MAX * 2)
#define REQUIRE(ok) ((ok) ? (void)0 : abort())

typedef enum http_body_step (*scan_function)(struct http_body *, const char *, size_t, struct http_text *,
                                             size_t *);

struct result {
    char out[OUT_MAX];
    size_t size;
    size_t consumed;
    enum http_body_step step;
    enum error_code code;
};

static enum http_body_step scan_piece(struct http_body *body, scan_function scan, const char *piece,
                                      size_t size, struct result *result)
{
    enum http_body_step step;
    size_t offset = 0;
    do {
        struct http_text data;
        size_t consumed = 0;
        step = scan(body, piece + offset, size - offset, &data, &consumed);
        if (step == HTTP_BODY_DATA) {
            REQUIRE(data.length > 0 && data.data + data.length == piece + offset + consumed);
            memcpy(result->out + result->size, data.data, data.length);
            result->size += data.length;
        }
        offset += step == HTTP_BODY_ERROR ? 0 : consumed;
        REQUIRE(step != HTTP_BODY_MORE || offset == size);
    } while (step == HTTP_BODY_DATA);
    result->consumed += offset;
    return step;
}

static void scan_all(struct http_body *body, scan_function scan, const char *bytes, size_t size, size_t step,
                     struct result *result)
{
    result->size = 0;
    result->consumed = 0;
    result->step = HTTP_BODY_MORE;
    for (size_t offset = 0; offset < size && result->step == HTTP_BODY_MORE; offset += step) {
        size_t piece_size = size - offset < step ? size - offset : step;
        char *piece = malloc(piece_size);
        REQUIRE(piece != NULL);
        memcpy(piece, bytes + offset, piece_size);
        result->step = scan_piece(body, scan, piece, piece_size, result);
        free(piece);
    }
    result->code = body->code;
}

static void require_same(const struct result *a, const struct result *b)
{
    REQUIRE(a->step == b->step && a->code == b->code);
    REQUIRE(a->size == b->size && memcmp(a->out, b->out, a->size) == 0);
    REQUIRE(a->step == HTTP_BODY_ERROR ? http_problem(a->code)->message != NULL : a->consumed == b->consumed);
}

/* Everything that the raw scan yields, with the trailers behind it, read as a chunked body. */
static void check_raw(const char *bytes, size_t size, size_t step, const struct result *plain)
{
    static struct result raw, again;
    struct http_body body;
    http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
    scan_all(&body, http_body_scan_raw, bytes, size, step, &raw);
    REQUIRE(raw.step == plain->step && raw.code == plain->code);
    if (raw.step == HTTP_BODY_DONE) {
        struct http_writer writer = http_writer_make(raw.out + raw.size, OUT_MAX - raw.size);
        http_write_trailers(&writer, body.trailers);
        REQUIRE(!writer.full);
        raw.size += http_writer_size(&writer);
    }
    http_body_clear(&body);
    if (raw.step != HTTP_BODY_ERROR) {
        http_body_init(&body, HTTP_FRAMING_CHUNKED, -1, HTTP_BODY_UNLIMITED);
        scan_all(&body, http_body_scan, raw.out, raw.size, OUT_MAX, &again);
        REQUIRE(again.step == plain->step && again.size == plain->size);
        REQUIRE(memcmp(again.out, plain->out, plain->size) == 0);
        REQUIRE(again.step != HTTP_BODY_DONE || again.consumed == raw.size);
        http_body_clear(&body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > INPUT_MAX) {
        return 0;
    }
    static struct result whole, pieces, bytewise;
    enum http_framing framing = (enum http_framing)(data[0] % 4);
    uint64_t limit = data[0] & 128 ? data[0] : HTTP_BODY_UNLIMITED;
    size_t step = (size_t)data[1] + 1;
    const char *bytes = (const char *)data + 2;
    size -= 2;
    struct result *const results[] = {&whole, &pieces, &bytewise};
    const size_t steps[] = {size, step, 1};
    for (int i = 0; i < 3; i++) {
        struct http_body body;
        http_body_init(&body, framing, data[1], limit);
        scan_all(&body, http_body_scan, bytes, size, steps[i], results[i]);
        REQUIRE(body.received <= limit);
        http_body_clear(&body);
    }
    /* A body that only the close ends may yield more of itself before its limit is found when it comes in
     * pieces. */
    if (framing != HTTP_FRAMING_UNTIL_CLOSE || whole.step != HTTP_BODY_ERROR) {
        require_same(&whole, &pieces);
        require_same(&whole, &bytewise);
    }
    if (framing == HTTP_FRAMING_CHUNKED && limit == HTTP_BODY_UNLIMITED) {
        check_raw(bytes, size, step, &whole);
    }
    return 0;
}
