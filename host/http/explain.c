#include "http/explain.h"

#include "http/rules.h"

/* The line that begins at `offset`, without its LF. */
static struct http_text line_at(const struct http_head *head, uint32_t offset, uint32_t end)
{
    return http_text_first_line(http_text_make(head->bytes + offset, end - offset));
}

/* Takes the CR off the line. ERROR_NONE, or what is wrong with its end. */
static enum error_code check_line_end(struct http_text *line)
{
    if (line->length == 0 || line->data[line->length - 1] != '\r')
        return ERROR_LINE_END;
    line->length--;
    return memchr(line->data, '\r', line->length) ? ERROR_BARE_CR : ERROR_NONE;
}

static bool is_token(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!http_char_is_token(text.data[i]))
            return false;
    }
    return text.length > 0;
}

/* Takes the part up to the next space off the text, and the space with it. */
static struct http_text take_word(struct http_text *text)
{
    const char *space = memchr(text->data, ' ', text->length);
    size_t length = space ? (size_t)(space - text->data) : text->length;
    struct http_text word = http_text_make(text->data, length);
    size_t taken = space ? length + 1 : length;
    text->data += taken;
    text->length -= taken;
    return word;
}

static enum error_code explain_version(struct http_text version)
{
    if (version.length == 0)
        return ERROR_VERSION_MISSING;
    if (memchr(version.data, ' ', version.length))
        return ERROR_REQUEST_LINE_MALFORMED;
    const char *at = version.data;
    if (version.length != 8 || memcmp(at, "HTTP/", 5) != 0 || !http_char_is_digit(at[5]) || at[6] != '.' ||
        !http_char_is_digit(at[7]))
        return ERROR_VERSION_MALFORMED;
    return ERROR_VERSION_UNSUPPORTED;
}

static enum error_code explain_target(struct http_text target, uint32_t limit)
{
    if (target.length > limit)
        return ERROR_TARGET_TOO_LONG;
    for (size_t i = 0; i < target.length; i++) {
        if ((unsigned char)target.data[i] > 0x7f)
            return ERROR_TARGET_NOT_ASCII;
    }
    return ERROR_TARGET_MALFORMED;
}

/* In the order in which the parts stand in the line; `outcome` tells what llhttp found when the parts look
 * right. */
static enum error_code explain_request_line(struct http_text line, llhttp_errno_t outcome,
                                            uint32_t target_limit)
{
    struct http_text method = take_word(&line);
    if (!is_token(method))
        return ERROR_METHOD_MALFORMED;
    if (outcome == HPE_PAUSED_H2_UPGRADE || http_text_equal(method, HTTP_TEXT("PRI")))
        return ERROR_HTTP2_UNSUPPORTED;
    struct http_text target = take_word(&line);
    if (target.length == 0)
        return ERROR_REQUEST_LINE_MALFORMED;
    if (outcome == HPE_INVALID_URL || target.length > target_limit)
        return explain_target(target, target_limit);
    return explain_version(line);
}

uint32_t http_explain_foreign_method(const struct http_head_parser *parser, uint32_t end)
{
    llhttp_errno_t outcome = llhttp_get_errno(&parser->llhttp);
    struct http_text line = line_at(parser->head, parser->start, end);
    struct http_text method = take_word(&line);
    bool own_meaning =
        http_text_equal(method, HTTP_TEXT("PRI")) || http_text_equal(method, HTTP_TEXT("CONNECT"));
    bool about_method = outcome == HPE_INVALID_METHOD || outcome == HPE_INVALID_CONSTANT;
    return about_method && !own_meaning && is_token(method) ? (uint32_t)method.length : 0;
}

enum error_code http_explain_start_line(const struct http_head_parser *parser, uint32_t end)
{
    if (parser->kind != HTTP_MESSAGE_REQUEST)
        return ERROR_STATUS_LINE_MALFORMED;
    struct http_text line = line_at(parser->head, parser->start, end);
    enum error_code code = check_line_end(&line);
    if (code != ERROR_NONE)
        return code;
    llhttp_errno_t outcome = llhttp_get_errno(&parser->llhttp);
    return explain_request_line(line, outcome, parser->limits->target_bytes);
}

static enum error_code value_fault(enum http_header_id id, struct http_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        if (http_char_is_control(value.data[i]))
            return ERROR_HEADER_VALUE;
    }
    int64_t length;
    return id == HTTP_HEADER_CONTENT_LENGTH ? http_length_read(http_text_trim(value), &length) : ERROR_NONE;
}

/* What is wrong with one line of the header section; ERROR_NONE when nothing is. */
static enum error_code header_fault(struct http_text line)
{
    bool folded = line.length > 0 && http_char_is_space(line.data[0]);
    enum error_code code = check_line_end(&line);
    if (code != ERROR_NONE)
        return code;
    if (folded)
        return ERROR_HEADER_FOLDING;
    const char *colon = memchr(line.data, ':', line.length);
    if (!colon)
        return ERROR_HEADER_MALFORMED;
    struct http_text name = http_text_make(line.data, (size_t)(colon - line.data));
    if (!is_token(name)) {
        bool spaced = name.length > 0 && http_char_is_space(colon[-1]);
        return spaced ? ERROR_HEADER_NAME_SPACE : ERROR_HEADER_NAME;
    }
    struct http_text value = http_text_make(colon + 1, line.length - name.length - 1);
    return value_fault(http_header_find(name.data, name.length), value);
}

enum error_code http_explain_headers(const struct http_head *head, uint32_t offset, uint32_t position,
                                     uint32_t end)
{
    enum error_code code = ERROR_NONE;
    while (code == ERROR_NONE && offset < end && offset <= position) {
        struct http_text line = line_at(head, offset, end);
        if (http_text_equal(line, HTTP_TEXT("\r")))
            return ERROR_NONE;
        code = header_fault(line);
        offset += (uint32_t)line.length + 1;
    }
    return code;
}

struct http_text http_explain_header_line(const struct http_head_parser *parser, uint32_t end)
{
    const struct http_head *head = parser->head;
    uint32_t offset = parser->start + (uint32_t)line_at(head, parser->start, end).length + 1;
    while (offset < end) {
        struct http_text line = line_at(head, offset, end);
        if (http_explain_headers(head, offset, offset, end) == parser->code)
            return line;
        offset += (uint32_t)line.length + 1;
    }
    return HTTP_TEXT("");
}

/* Whether there is such a header among those read so far, whose ids nobody has looked up yet. */
static bool has_header(const struct http_head *head, enum http_header_id id)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct http_text name = http_head_name(head, &head->headers[i]);
        if (http_header_find(name.data, name.length) == id)
            return true;
    }
    return false;
}

/* What llhttp found wrong where every line by itself looks right. Which of two headers that exclude each
 * other it minds, and as what, depends on their order and its version. */
static enum error_code explain_outcome(const struct http_head_parser *parser)
{
    const struct http_head *head = parser->head;
    if (has_header(head, HTTP_HEADER_CONTENT_LENGTH) && has_header(head, HTTP_HEADER_TRANSFER_ENCODING))
        return ERROR_FRAMING_AMBIGUOUS;
    switch (llhttp_get_errno(&parser->llhttp)) {
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return ERROR_CONTENT_LENGTH_SEVERAL;
    case HPE_INVALID_TRANSFER_ENCODING:
        return ERROR_TRANSFER_ENCODING_MALFORMED;
    default:
        return ERROR_HEADER_MALFORMED;
    }
}

/* What llhttp reports for the first line; its position may be that of the byte behind the line. */
static bool is_about_start_line(llhttp_errno_t outcome)
{
    switch (outcome) {
    case HPE_INVALID_METHOD:
    case HPE_INVALID_URL:
    case HPE_INVALID_VERSION:
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_STATUS:
    case HPE_PAUSED_H2_UPGRADE:
        return true;
    default:
        return false;
    }
}

enum error_code http_explain(const struct http_head_parser *parser, uint32_t position, uint32_t end)
{
    const struct http_head *head = parser->head;
    struct http_text first = line_at(head, parser->start, end);
    uint32_t headers = parser->start + (uint32_t)first.length + 1;
    bool ends_with_cr = first.length > 0 && first.data[first.length - 1] == '\r';
    if (position < headers || !ends_with_cr || is_about_start_line(llhttp_get_errno(&parser->llhttp)))
        return http_explain_start_line(parser, end);
    enum error_code code = http_explain_headers(head, headers, position, end);
    return code != ERROR_NONE ? code : explain_outcome(parser);
}
