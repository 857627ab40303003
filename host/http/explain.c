#include "http/rules.h"

static struct http_text line_at(const char *bytes, uint32_t offset, uint32_t end)
{
    const char *start = bytes + offset;
    const char *line_end = memchr(start, '\n', end - offset);
    return http_text_make(start, line_end != NULL ? (size_t)(line_end - start) : end - offset);
}

/* Takes the CR off the line. NULL, or what is wrong with its end. */
static const struct http_problem *check_line_end(struct http_text *line)
{
    if (line->length == 0 || line->data[line->length - 1] != '\r') {
        return http_problem(HTTP_PROBLEM_LINE_END);
    }
    line->length--;
    return memchr(line->data, '\r', line->length) != NULL ? http_problem(HTTP_PROBLEM_BARE_CR) : NULL;
}

static bool is_token(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!http_char_is_token(text.data[i])) {
            return false;
        }
    }
    return text.length > 0;
}

/* Takes the part up to the next space off the text, and the space with it. */
static struct http_text take_word(struct http_text *text)
{
    const char *space = memchr(text->data, ' ', text->length);
    size_t length = space != NULL ? (size_t)(space - text->data) : text->length;
    struct http_text word = http_text_make(text->data, length);
    size_t taken = space != NULL ? length + 1 : length;
    text->data += taken;
    text->length -= taken;
    return word;
}

static enum http_problem_id explain_version(struct http_text version)
{
    if (version.length == 0) {
        return HTTP_PROBLEM_VERSION_MISSING;
    }
    if (memchr(version.data, ' ', version.length) != NULL) {
        return HTTP_PROBLEM_REQUEST_LINE;
    }
    const char *at = version.data;
    if (version.length != 8 || memcmp(at, "HTTP/", 5) != 0 || at[5] < '0' || at[5] > '9' || at[6] != '.' ||
        at[7] < '0' || at[7] > '9') {
        return HTTP_PROBLEM_VERSION_MALFORMED;
    }
    return HTTP_PROBLEM_VERSION_UNSUPPORTED;
}

static enum http_problem_id explain_target(struct http_text target, uint32_t limit)
{
    if (target.length > limit) {
        return HTTP_PROBLEM_TARGET_TOO_LONG;
    }
    for (size_t i = 0; i < target.length; i++) {
        if ((unsigned char)target.data[i] > 0x7f) {
            return HTTP_PROBLEM_TARGET_NOT_ASCII;
        }
    }
    return HTTP_PROBLEM_TARGET_MALFORMED;
}

/* In the order in which the parts stand in the line; `outcome` tells what llhttp found when the parts look
 * right. */
static enum http_problem_id explain_request_line(struct http_text line, llhttp_errno_t outcome,
                                                 uint32_t target_limit)
{
    struct http_text method = take_word(&line);
    if (!is_token(method)) {
        return HTTP_PROBLEM_METHOD_MALFORMED;
    }
    if (outcome == HPE_PAUSED_H2_UPGRADE || http_text_equal(method, HTTP_TEXT("PRI"))) {
        return HTTP_PROBLEM_HTTP2;
    }
    struct http_text target = take_word(&line);
    if (target.length == 0) {
        return HTTP_PROBLEM_REQUEST_LINE;
    }
    if (outcome == HPE_INVALID_URL || target.length > target_limit) {
        return explain_target(target, target_limit);
    }
    return explain_version(line);
}

uint32_t http_foreign_method(const struct http_head_parser *parser, uint32_t end)
{
    llhttp_errno_t outcome = llhttp_get_errno(&parser->llhttp);
    struct http_text line = line_at(parser->head->bytes, parser->start, end);
    struct http_text method = take_word(&line);
    bool own_meaning =
        http_text_equal(method, HTTP_TEXT("PRI")) || http_text_equal(method, HTTP_TEXT("CONNECT"));
    bool about_method = outcome == HPE_INVALID_METHOD || outcome == HPE_INVALID_CONSTANT;
    return about_method && !own_meaning && is_token(method) ? (uint32_t)method.length : 0;
}

const struct http_problem *http_explain_start_line(const struct http_head_parser *parser, uint32_t end)
{
    if (parser->kind != HTTP_MESSAGE_REQUEST) {
        return http_problem(HTTP_PROBLEM_STATUS_LINE);
    }
    struct http_text line = line_at(parser->head->bytes, parser->start, end);
    const struct http_problem *problem = check_line_end(&line);
    if (problem != NULL) {
        return problem;
    }
    llhttp_errno_t outcome = llhttp_get_errno(&parser->llhttp);
    return http_problem(explain_request_line(line, outcome, parser->limits->target_bytes));
}

static const struct http_problem *value_fault(enum http_header_id id, struct http_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) {
            return http_problem(HTTP_PROBLEM_HEADER_VALUE);
        }
    }
    int64_t length;
    return id == HTTP_HEADER_CONTENT_LENGTH ? http_length_read(http_text_trim(value), &length) : NULL;
}

/* What is wrong with one line of the header section; NULL when nothing is. */
static const struct http_problem *header_fault(struct http_text line)
{
    bool folded = line.length > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
    const struct http_problem *problem = check_line_end(&line);
    if (problem != NULL) {
        return problem;
    }
    if (folded) {
        return http_problem(HTTP_PROBLEM_FOLDING);
    }
    const char *colon = memchr(line.data, ':', line.length);
    if (colon == NULL) {
        return http_problem(HTTP_PROBLEM_HEADER_MALFORMED);
    }
    struct http_text name = http_text_make(line.data, (size_t)(colon - line.data));
    if (!is_token(name)) {
        bool spaced = name.length > 0 && (colon[-1] == ' ' || colon[-1] == '\t');
        return http_problem(spaced ? HTTP_PROBLEM_HEADER_NAME_SPACE : HTTP_PROBLEM_HEADER_NAME);
    }
    struct http_text value = http_text_make(colon + 1, line.length - name.length - 1);
    return value_fault(http_header_find(name.data, name.length), value);
}

const struct http_problem *http_explain_headers(const struct http_head *head, uint32_t offset,
                                                uint32_t position, uint32_t end)
{
    const struct http_problem *problem = NULL;
    while (problem == NULL && offset < end && offset <= position) {
        struct http_text line = line_at(head->bytes, offset, end);
        if (http_text_equal(line, HTTP_TEXT("\r"))) {
            return NULL;
        }
        problem = header_fault(line);
        offset += (uint32_t)line.length + 1;
    }
    return problem;
}

/* Whether there is such a header among those read so far, whose ids nobody has looked up yet. */
static bool has_header(const struct http_head *head, enum http_header_id id)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct http_text name = http_head_name(head, &head->headers[i]);
        if (http_header_find(name.data, name.length) == id) {
            return true;
        }
    }
    return false;
}

/* What llhttp found wrong where every line by itself looks right. Which of two headers that exclude each
 * other it minds, and as what, depends on their order and its version. */
static enum http_problem_id explain_outcome(const struct http_head_parser *parser)
{
    const struct http_head *head = parser->head;
    if (has_header(head, HTTP_HEADER_CONTENT_LENGTH) && has_header(head, HTTP_HEADER_TRANSFER_ENCODING)) {
        return HTTP_PROBLEM_LENGTH_AND_CODING;
    }
    switch (llhttp_get_errno(&parser->llhttp)) {
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return HTTP_PROBLEM_LENGTH_SEVERAL;
    case HPE_INVALID_TRANSFER_ENCODING:
        return HTTP_PROBLEM_CODING_MALFORMED;
    default:
        return HTTP_PROBLEM_HEADER_MALFORMED;
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

const struct http_problem *http_explain(const struct http_head_parser *parser, uint32_t position,
                                        uint32_t end)
{
    const struct http_head *head = parser->head;
    struct http_text first = line_at(head->bytes, parser->start, end);
    uint32_t headers = parser->start + (uint32_t)first.length + 1;
    bool ends_with_cr = first.length > 0 && first.data[first.length - 1] == '\r';
    if (position < headers || !ends_with_cr || is_about_start_line(llhttp_get_errno(&parser->llhttp))) {
        return http_explain_start_line(parser, end);
    }
    const struct http_problem *problem = http_explain_headers(head, headers, position, end);
    return problem != NULL ? problem : http_problem(explain_outcome(parser));
}
