#include "http/rules.h"

enum error_code http_length_read(struct http_text value, int64_t *ret_length)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (!http_char_is_digit(value.data[i]))
            return ERROR_CONTENT_LENGTH_MALFORMED;
    }
    for (size_t i = 0; i < value.length; i++) {
        if (__builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, value.data[i] - '0', &length))
            return ERROR_CONTENT_LENGTH_OVERFLOW;
    }
    if (value.length == 0)
        return ERROR_CONTENT_LENGTH_MALFORMED;
    *ret_length = length;
    return ERROR_NONE;
}

static enum error_code check_length(struct http_head *head, const struct http_header *header)
{
    if (http_head_next(head, header))
        return ERROR_CONTENT_LENGTH_SEVERAL;
    head->framing = HTTP_FRAMING_LENGTH;
    return http_length_read(http_head_value(head, header), &head->content_length);
}

/* A list that is not "chunked" alone and once: another coding before a last "chunked" is unknown; with
 * anything else nobody can tell where the body ends. */
static enum error_code coding_fault(struct http_text list)
{
    unsigned others = 0, chunked = 0;
    bool ends_chunked = false;
    struct http_text member;
    while (http_text_next_member(&list, &member)) {
        ends_chunked = http_text_equal_nocase(member, HTTP_TEXT("chunked"));
        chunked += ends_chunked;
        others += !ends_chunked;
    }
    return ends_chunked && chunked == 1 && others > 0 ? ERROR_TRANSFER_ENCODING_UNKNOWN
                                                      : ERROR_TRANSFER_ENCODING_MALFORMED;
}

static enum error_code check_coding(struct http_head *head, const struct http_header *header)
{
    if (http_head_has(head, HTTP_HEADER_CONTENT_LENGTH))
        return ERROR_FRAMING_AMBIGUOUS;
    if (head->version_minor == 0)
        return ERROR_TRANSFER_ENCODING_HTTP10;
    if (http_head_next(head, header))
        return ERROR_TRANSFER_ENCODING_MALFORMED;
    struct http_text value = http_head_value(head, header);
    if (!http_text_equal_nocase(value, HTTP_TEXT("chunked")))
        return coding_fault(value);
    head->framing = HTTP_FRAMING_CHUNKED;
    return ERROR_NONE;
}

static enum error_code check_lengths(struct http_head *head)
{
    const struct http_header *coding = http_head_find(head, HTTP_HEADER_TRANSFER_ENCODING);
    if (coding)
        return check_coding(head, coding);
    const struct http_header *length = http_head_find(head, HTTP_HEADER_CONTENT_LENGTH);
    return length ? check_length(head, length) : ERROR_NONE;
}

/* An upgrade to cleartext HTTP/2 would hide requests from everything that looks at them: it is not passed on.
 */
static bool offers_http2(const struct http_head *head)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_UPGRADE);
    for (; header; header = http_head_next(head, header)) {
        struct http_text list = http_head_value(head, header), member;
        while (http_text_next_member(&list, &member)) {
            if (member.length >= 3 &&
                http_text_equal_nocase(http_text_make(member.data, 3), HTTP_TEXT("h2c")))
                return true;
        }
    }
    return false;
}

static void derive_request(struct http_head *head)
{
    head->upgrade = head->version_minor == 1 && head->connection.upgrade &&
                    http_head_has(head, HTTP_HEADER_UPGRADE) && !offers_http2(head);
}

static void derive_response(struct http_head *head, enum http_method request_method)
{
    bool no_body = head->status < 200 || head->status == 204 || head->status == 304 ||
                   request_method == HTTP_METHOD_HEAD;
    if (no_body) {
        head->framing = HTTP_FRAMING_NONE;
    } else if (head->framing == HTTP_FRAMING_NONE) {
        head->framing = HTTP_FRAMING_UNTIL_CLOSE;
        head->keep_alive = false;
    }
    head->upgrade = head->status == 101;
    if (head->upgrade)
        head->keep_alive = false;
}

enum error_code http_framing_check(struct http_head *head, enum http_message_kind kind,
                                   enum http_method request_method)
{
    enum error_code code = check_lengths(head);
    if (code != ERROR_NONE)
        return code;
    head->keep_alive = !head->connection.close && (head->version_minor == 1 || head->connection.keep_alive);
    if (kind == HTTP_MESSAGE_REQUEST)
        derive_request(head);
    else
        derive_response(head, request_method);
    return ERROR_NONE;
}
