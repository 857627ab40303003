#include "http/rules.h"

/* Letters, digits and what else may stand in a host name or address: unreserved, sub-delims and
 * percent-encoding. */
static bool is_host_char(char c)
{
    if (http_char_is_letter(c) || http_char_is_digit(c))
        return true;
    return c != '\0' && strchr("-._~!$&'()*+,;=%", c);
}

static bool is_port(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!http_char_is_digit(text.data[i]))
            return false;
    }
    return text.length <= 5;
}

/* "[" address "]", the brackets included. */
static bool is_bracketed(struct http_text text)
{
    for (size_t i = 1; i + 1 < text.length; i++) {
        if (!is_host_char(text.data[i]) && text.data[i] != ':')
            return false;
    }
    return text.length > 2;
}

static bool is_name(struct http_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!is_host_char(text.data[i]))
            return false;
    }
    return true;
}

bool http_host_is_valid(struct http_text host)
{
    const char *bracket = memchr(host.data, ']', host.length);
    bool bracketed = host.length > 0 && host.data[0] == '[' && bracket;
    size_t searched = bracketed ? (size_t)(bracket - host.data) + 1 : 0;
    const char *colon = memchr(host.data + searched, ':', host.length - searched);
    size_t length = colon ? (size_t)(colon - host.data) : host.length;
    struct http_text name = http_text_make(host.data, length);
    if (colon && (length == 0 || !is_port(http_text_make(colon + 1, host.length - length - 1))))
        return false;
    return bracketed ? length == searched && is_bracketed(name) : is_name(name);
}

/* Refuses control characters, spaces, bytes outside ASCII and fragments, and splits the part of the target
 * from `offset` on at its first "?". */
static enum error_code check_bytes(struct http_head *head, uint32_t offset)
{
    uint32_t end = head->target.offset + head->target.length;
    uint32_t question = end;
    for (uint32_t i = offset; i < end; i++) {
        unsigned char c = (unsigned char)head->bytes[i];
        if (c <= ' ' || c == '#' || c >= 0x7f) {
            return c == '#'   ? ERROR_TARGET_FRAGMENT
                   : c > 0x7f ? ERROR_TARGET_NOT_ASCII
                              : ERROR_TARGET_MALFORMED;
        }
        if (c == '?' && question == end)
            question = i;
    }
    head->path = (struct http_span){offset, question - offset};
    head->query = (struct http_span){question, end - question};
    return ERROR_NONE;
}

/* "scheme://authority" and then a path, a query, both or nothing. */
static enum error_code check_absolute(struct http_head *head)
{
    struct http_text target = http_head_text(head, head->target);
    const char *separator = memmem(target.data, target.length, "://", 3);
    if (!separator)
        return ERROR_TARGET_MALFORMED;
    struct http_text scheme = http_text_make(target.data, (size_t)(separator - target.data));
    if (!http_text_equal_nocase(scheme, HTTP_TEXT("http")) &&
        !http_text_equal_nocase(scheme, HTTP_TEXT("https")))
        return ERROR_TARGET_SCHEME;
    uint32_t start = head->target.offset + (uint32_t)scheme.length + 3;
    uint32_t end = head->target.offset + head->target.length;
    uint32_t path = start;
    while (path < end && head->bytes[path] != '/' && head->bytes[path] != '?' && head->bytes[path] != '#')
        path++;
    head->host = (struct http_span){start, path - start};
    struct http_text host = http_head_text(head, head->host);
    if (host.length == 0 || !http_host_is_valid(host))
        return ERROR_TARGET_AUTHORITY;
    head->target_form = HTTP_TARGET_ABSOLUTE;
    return check_bytes(head, path);
}

enum error_code http_target_check(struct http_head *head, struct http_text method, uint32_t limit)
{
    if (head->target.length > limit)
        return ERROR_TARGET_TOO_LONG;
    struct http_text target = http_head_text(head, head->target);
    if (target.data[0] == '/') {
        head->target_form = HTTP_TARGET_ORIGIN;
        return check_bytes(head, head->target.offset);
    }
    if (!http_text_equal(target, HTTP_TEXT("*")))
        return check_absolute(head);
    if (!http_text_equal(method, HTTP_TEXT("OPTIONS")))
        return ERROR_TARGET_ASTERISK;
    head->target_form = HTTP_TARGET_ASTERISK;
    head->path = (struct http_span){head->target.offset, 0};
    head->query = head->path;
    return ERROR_NONE;
}
