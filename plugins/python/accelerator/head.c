#include "head.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 15

/* The offset of the next CRLF at or after `from`, or `size`. */
static size_t line_end(const char *data, size_t size, size_t from)
{
    while (from + 1 < size) {
        const char *found = memchr(data + from, '\r', size - 1 - from);
        if (!found)
            break;
        if (found[1] == '\n')
            return (size_t)(found - data);
        from = (size_t)(found - data) + 1;
    }
    return size;
}

static bool read_request_line(const char *line, size_t length, struct request_head *head)
{
    const char *space = memchr(line, ' ', length);
    if (!space)
        return false;
    head->method_length = (size_t)(space - line);
    head->target = head->method_length + 1;
    const char *second = memchr(line + head->target, ' ', length - head->target);
    if (!second)
        return false;
    head->target_length = (size_t)(second - line) - head->target;
    size_t version = head->target + head->target_length + 1;
    return memchr(line + version, ' ', length - version) == NULL;
}

/* A field's value of digits, with at most one space before them. */
static bool read_length(const char *value, size_t length, size_t *ret_number)
{
    size_t i = length > 0 && value[0] == ' ' ? 1 : 0;
    if (i == length || length - i > LENGTH_DIGITS_MAX)
        return false;
    size_t number = 0;
    for (; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return false;
        number = number * 10 + (size_t)(value[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool begins_with(const char *line, size_t length, const char *name, size_t name_length)
{
    return length >= name_length && strncasecmp(line, name, name_length) == 0;
}

/* Takes note of a field that frames the content; false: not of the usual kind. Only the first length counts.
 */
static bool read_field(const char *line, size_t length, bool *has_length, struct request_head *head)
{
    static const char content_length[] = "content-length:";
    static const char transfer_encoding[] = "transfer-encoding:";
    const size_t name_length = sizeof(content_length) - 1;
    char first = (char)(line[0] | 0x20);
    if (first == 't')
        return !begins_with(line, length, transfer_encoding, sizeof(transfer_encoding) - 1);
    if (first != 'c' || *has_length || !begins_with(line, length, content_length, name_length))
        return true;
    *has_length = true;
    return read_length(line + name_length, length - name_length, &head->content_length);
}

bool request_head_read(const char *data, size_t size, struct request_head *ret_head)
{
    struct request_head head = {0};
    bool has_length = false;
    size_t end = line_end(data, size, 0);
    if (end == size || !read_request_line(data, end, &head))
        return false;
    for (;;) {
        size_t start = end + 2;
        size_t next = line_end(data, size, start);
        if (next >= size)
            return false;
        if (next == start)
            break;
        if (!read_field(data + start, next - start, &has_length, &head))
            return false;
        end = next;
    }
    head.head_length = end;
    head.content = end + 4;
    *ret_head = head;
    return true;
}
