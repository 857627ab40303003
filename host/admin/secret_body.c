#include "admin/secret_body.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"

#include <event2/buffer.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PIECES_MAX 4096 /* of a body as it was received */

/* What libevent holds of it is given back as it is. */
static void wipe(struct evbuffer *bytes)
{
    cleanup_free struct evbuffer_iovec *pieces = xcalloc(PIECES_MAX, sizeof(*pieces));
    int count = evbuffer_peek(bytes, -1, NULL, pieces, PIECES_MAX);
    for (int i = 0; i < count && i < PIECES_MAX; i++)
        sodium_memzero(pieces[i].iov_base, pieces[i].iov_len);
}

/* The value in its own bytes: what is in base64 goes before the text that clients may send beside it. */
static int read_value(const json_t *json, struct secret_body *body, struct error *err)
{
    const json_t *raw = json_object_get(json, "rawValue"), *text = json_object_get(json, "value");
    const json_t *given = json_string_length(raw) > 0 ? raw : text;
    if ((raw && !json_is_null(raw) && !json_is_string(raw)) ||
        (text && !json_is_null(text) && !json_is_string(text)))
        return error_set(err, ERROR_BAD_CALL, "\"value\" and \"rawValue\" must be texts");
    size_t length = json_string_length(given), size = length;
    body->has_value = length > 0;
    body->value = locked_make(length);
    if (given != raw)
        memcpy(body->value.bytes, length > 0 ? json_string_value(given) : "", length);
    else if (sodium_base642bin((unsigned char *)body->value.bytes, length, json_string_value(given), length,
                               "\r\n", &size, NULL, sodium_base64_VARIANT_ORIGINAL) < 0)
        return error_set(err, ERROR_BAD_CALL, "\"rawValue\" is no base64");
    body->value.size = size;
    return 0;
}

static int read_json(struct locked *bytes, struct secret_body *body, struct error *err)
{
    json_error_t wrong;
    json_t *json = json_loadb(bytes->bytes, bytes->size, JSON_ALLOW_NUL, &wrong);
    int rc = -1;
    if (json_is_object(json)) {
        body->name = json_text_copy(json, "name");
        body->space = json_text_copy(json, "namespace");
        rc = read_value(json, body, err);
    } else {
        error_set(err, ERROR_BAD_CALL, "the body is no JSON object");
    }
    if (!body->name)
        body->name = xstrdup("");
    json_decref(json);
    return rc;
}

int secret_body_read(struct admin_call *call, struct secret_body *ret_body, struct error *err)
{
    struct evbuffer *received = evhttp_request_get_input_buffer(call->request);
    cleanup_locked struct locked bytes = locked_make(evbuffer_get_length(received));
    evbuffer_copyout(received, bytes.bytes, bytes.size);
    wipe(received);
    *ret_body = (struct secret_body){0};
    return read_json(&bytes, ret_body, err);
}

void secret_body_clear(struct secret_body *body)
{
    free(body->name);
    free(body->space);
    locked_clear(&body->value);
}
