#include "http/rules.h"

#include "http/explain.h"
#include "http/hop.h"

static const uint8_t methods[] = {
    [HTTP_GET] = HTTP_METHOD_GET,         [HTTP_HEAD] = HTTP_METHOD_HEAD,
    [HTTP_POST] = HTTP_METHOD_POST,       [HTTP_PUT] = HTTP_METHOD_PUT,
    [HTTP_DELETE] = HTTP_METHOD_DELETE,   [HTTP_PATCH] = HTTP_METHOD_PATCH,
    [HTTP_OPTIONS] = HTTP_METHOD_OPTIONS, [HTTP_TRACE] = HTTP_METHOD_TRACE,
};

static enum http_method method_of(uint8_t llhttp_method)
{
    return llhttp_method < sizeof(methods) ? methods[llhttp_method] : HTTP_METHOD_OTHER;
}

#define VERSION_PREFIX " HTTP/1."
#define VERSION_LENGTH (sizeof(VERSION_PREFIX) - 1)

/* Reads what stands behind the target, " HTTP/1.x CR LF", and says where the line ends; 0 when it is anything
 * else. */
static uint32_t read_version(struct http_head *head)
{
    uint32_t offset = head->target.offset + head->target.length;
    uint32_t end = offset + (uint32_t)VERSION_LENGTH + 3;
    const char *at = head->bytes + offset;
    if (end > head->length || memcmp(at, VERSION_PREFIX, VERSION_LENGTH) != 0)
        return 0;
    char minor = at[VERSION_LENGTH];
    if ((minor != '0' && minor != '1') || at[VERSION_LENGTH + 1] != '\r' || at[VERSION_LENGTH + 2] != '\n')
        return 0;
    head->version_minor = (uint8_t)(minor - '0');
    return end;
}

/* Sets *ret_end to where the first header begins. */
static enum error_code check_request_line(const struct http_head_parser *parser, struct http_head *head,
                                          uint32_t *ret_end)
{
    uint32_t start = parser->start;
    uint32_t end = head->target.offset > start + 1 ? read_version(head) : 0;
    if (end == 0)
        return http_explain_start_line(parser, head->length);
    head->method_text = (struct http_span){start, head->target.offset - 1 - start};
    struct http_text method = http_head_text(head, head->method_text);
    if (memchr(method.data, ' ', method.length) || head->bytes[head->target.offset - 1] != ' ')
        return ERROR_REQUEST_LINE_MALFORMED;
    if (parser->llhttp.method == HTTP_CONNECT)
        return ERROR_CONNECT_UNSUPPORTED;
    head->method = (uint8_t)method_of(parser->llhttp.method);
    *ret_end = end;
    return http_target_check(head, method, parser->limits->target_bytes);
}

static bool has_control(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (http_char_is_control(text.data[i]))
            return true;
    }
    return false;
}

#define STATUS_PREFIX "HTTP/1."
#define STATUS_OFFSET 9 /* of the status in the line */
#define REASON_OFFSET 13 /* of the reason, where there is one */

/* "HTTP/1.x nnn reason CR LF"; the space before an empty reason may be missing. */
static enum error_code check_status_line(struct http_head *head, uint32_t *ret_end)
{
    const char *line = head->bytes;
    const char *line_end = memchr(line, '\n', head->length);
    size_t length = line_end ? (size_t)(line_end - line) : 0;
    if (length < REASON_OFFSET || line[length - 1] != '\r' ||
        memcmp(line, STATUS_PREFIX, sizeof(STATUS_PREFIX) - 1) != 0 || (line[7] != '0' && line[7] != '1') ||
        line[8] != ' ' || !http_char_is_digit(line[9]) || !http_char_is_digit(line[10]) ||
        !http_char_is_digit(line[11]))
        return ERROR_STATUS_LINE_MALFORMED;
    length--; /* the CR */
    const char *status = line + STATUS_OFFSET;
    head->status = (uint16_t)((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
    head->version_minor = (uint8_t)(line[7] - '0');
    if (length >= REASON_OFFSET)
        head->reason = (struct http_span){REASON_OFFSET, (uint32_t)length - REASON_OFFSET};
    if (head->status < 100 || head->status > 599 || (length >= REASON_OFFSET && line[12] != ' ') ||
        has_control(http_head_text(head, head->reason)))
        return ERROR_STATUS_LINE_MALFORMED;
    *ret_end = (uint32_t)(line_end + 1 - line);
    return ERROR_NONE;
}

static uint32_t skip_spaces(const char *bytes, uint32_t offset)
{
    while (http_char_is_space(bytes[offset]))
        offset++;
    return offset;
}

/* The header must stand at `offset` as "name:", optional spaces, value, optional spaces, CR LF. Trims the
 * value and returns where the next line begins, 0 when there is anything else. */
static uint32_t check_line(const struct http_head *head, struct http_header *header, uint32_t offset)
{
    const char *bytes = head->bytes;
    uint32_t colon = header->name_offset + header->name_length;
    if (header->name_offset != offset || header->name_length == 0 || bytes[colon] != ':')
        return 0;
    uint32_t value = skip_spaces(bytes, colon + 1);
    if (header->value_length == 0)
        header->value_offset = value; /* llhttp reports an empty value behind the line */
    uint32_t end = header->value_offset + header->value_length;
    if (header->value_offset != value || bytes[end] != '\r' || bytes[end + 1] != '\n')
        return 0;
    while (header->value_length > 0 &&
           http_char_is_space(bytes[header->value_offset + header->value_length - 1]))
        header->value_length--;
    bool plain = value == colon + 2 && bytes[colon + 1] == ' ' && header->value_length > 0 &&
                 value + header->value_length == end;
    header->flags = plain ? HTTP_HEADER_IS_PLAIN : 0;
    return end + 2;
}

static enum error_code explain_gap(const struct http_head *head, uint32_t offset)
{
    enum error_code code = http_explain_headers(head, offset, head->length, head->length);
    return code != ERROR_NONE ? code : ERROR_HEADER_MALFORMED;
}

/* The headers must follow each other and the start line without a gap, up to the empty line that ends the
 * head: so nothing that llhttp tolerates, and nobody looked at, is left. */
static enum error_code check_headers(struct http_head *head, uint32_t offset)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct http_header *header = &head->headers[i];
        uint32_t next = check_line(head, header, offset);
        if (next == 0)
            return explain_gap(head, offset);
        header->id = (uint8_t)http_header_find(head->bytes + header->name_offset, header->name_length);
        header->flags |= (HTTP_HOP_BY_HOP >> header->id) & HTTP_HEADER_IS_HOP;
        head->header_ids |= HTTP_HEADER_BIT(header->id);
        offset = next;
    }
    if (offset + 2 != head->length || memcmp(head->bytes + offset, "\r\n", 2) != 0)
        return explain_gap(head, offset);
    return ERROR_NONE;
}

/* Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0. The authority of an absolute target goes
 * before it. */
static enum error_code check_host(struct http_head *head)
{
    const struct http_header *host = http_head_find(head, HTTP_HEADER_HOST);
    if (!host)
        return head->version_minor == 0 ? ERROR_NONE : ERROR_HOST_MISSING;
    if (http_head_next(head, host))
        return ERROR_HOST_SEVERAL;
    if (!http_host_is_valid(http_head_value(head, host)))
        return ERROR_HOST_MALFORMED;
    if (head->target_form != HTTP_TARGET_ABSOLUTE)
        head->host = (struct http_span){host->value_offset, host->value_length};
    return ERROR_NONE;
}

/* The only expectation there is is 100-continue; HTTP/1.0 knows none. */
static enum error_code check_expect(struct http_head *head)
{
    if (head->version_minor == 0)
        return ERROR_NONE;
    const struct http_header *header = http_head_find(head, HTTP_HEADER_EXPECT);
    for (; header; header = http_head_next(head, header)) {
        struct http_text list = http_head_value(head, header), member;
        while (http_text_next_member(&list, &member)) {
            if (!http_text_equal_nocase(member, HTTP_TEXT("100-continue")))
                return ERROR_EXPECTATION_UNKNOWN;
            head->expect_continue = true;
        }
    }
    return ERROR_NONE;
}

enum error_code http_rules_check(const struct http_head_parser *parser, struct http_head *head)
{
    uint32_t offset = 0;
    enum error_code code = parser->kind == HTTP_MESSAGE_REQUEST ? check_request_line(parser, head, &offset)
                                                                : check_status_line(head, &offset);
    if (code == ERROR_NONE)
        code = check_headers(head, offset);
    if (code != ERROR_NONE || parser->kind == HTTP_MESSAGE_TRAILERS)
        return code;
    if (http_head_has(head, HTTP_HEADER_CONNECTION) && !http_hop_mark(head))
        return ERROR_TOO_MANY_HEADERS;
    if (parser->kind == HTTP_MESSAGE_REQUEST) {
        code = check_host(head);
        code = code != ERROR_NONE ? code : check_expect(head);
    }
    return code != ERROR_NONE
               ? code
               : http_framing_check(head, parser->kind, (enum http_method)parser->request_method);
}
