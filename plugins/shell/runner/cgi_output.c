#include "cgi_output.h"

#include <string.h>
#include <strings.h>

static const char *const first_names[] = {"Status:", "Content-Type:", "Location:"};

/* Whether the output begins with one of the first names, or may yet. */
static enum cgi_verdict check_first(const char *text, size_t size)
{
    enum cgi_verdict verdict = CGI_BODY;
    for (size_t i = 0; i < sizeof(first_names) / sizeof(first_names[0]); i++) {
        size_t length = strlen(first_names[i]);
        if (strncasecmp(text, first_names[i], length < size ? length : size) != 0)
            continue;
        verdict = length <= size ? CGI_HEAD : CGI_UNDECIDED;
    }
    return verdict;
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Splits `name: value`; the line is without its end. */
static bool split_line(const char *line, size_t length, struct berth_header *ret_header)
{
    size_t name = 0;
    while (name < length && is_token_char(line[name]))
        name++;
    if (name == 0 || name == length || line[name] != ':')
        return false;
    size_t value = name + 1;
    while (value < length && (line[value] == ' ' || line[value] == '\t'))
        value++;
    while (length > value && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    for (size_t i = value; i < length; i++)
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return false;
    *ret_header = (struct berth_header){line, name, line + value, length - value};
    return true;
}

static bool is_name(const struct berth_header *header, const char *name)
{
    return header->name_length == strlen(name) && strncasecmp(header->name, name, header->name_length) == 0;
}

static bool take_status(struct cgi_head *head, const struct berth_header *header)
{
    const char *text = header->value;
    if (header->value_length < 3 || (header->value_length > 3 && text[3] != ' ') ||
        strspn(text, "0123456789") < 3)
        return false;
    head->status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    return head->status >= 200 && head->status <= 599;
}

static void take_length(struct cgi_head *head, const struct berth_header *header)
{
    int64_t length = 0;
    if (header->value_length == 0 || header->value_length > 15)
        return;
    for (size_t i = 0; i < header->value_length; i++) {
        if (header->value[i] < '0' || header->value[i] > '9')
            return;
        length = length * 10 + (header->value[i] - '0');
    }
    head->content_length = length;
}

static bool take_header(struct cgi_head *head, const struct berth_header *header, bool *has_status)
{
    if (is_name(header, "status")) {
        *has_status = true;
        return take_status(head, header);
    }
    if (is_name(header, "content-length")) {
        take_length(head, header);
        return true;
    }
    head->has_type |= is_name(header, "content-type");
    head->has_location |= is_name(header, "location");
    if (head->count == CGI_HEADERS_MAX)
        return false;
    head->headers[head->count++] = *header;
    return true;
}

/* Takes the lines up to the empty one. */
static enum cgi_verdict parse_lines(const char *text, size_t size, struct cgi_head *head)
{
    bool has_status = false;
    for (size_t at = 0;;) {
        const char *line = text + at;
        const char *end = at < size ? memchr(line, '\n', size - at) : NULL;
        struct berth_header header;
        if (!end)
            return CGI_UNDECIDED;
        size_t length = (size_t)(end - line);
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 0) {
            head->size = at;
            break;
        }
        if (!split_line(line, length, &header) ||
            (head->count == 0 && !has_status && header.value_length == 0) ||
            !take_header(head, &header, &has_status))
            return CGI_BODY;
    }
    if (head->has_location && !has_status)
        head->status = 302;
    return CGI_HEAD;
}

enum cgi_verdict cgi_output_parse(const char *text, size_t size, bool is_all, struct cgi_head *ret_head)
{
    const struct cgi_head plain = {.status = 200, .content_length = -1};
    *ret_head = plain;
    enum cgi_verdict verdict = check_first(text, size);
    if (verdict == CGI_HEAD)
        verdict = parse_lines(text, size, ret_head);
    if (verdict == CGI_UNDECIDED && is_all)
        verdict = CGI_BODY;
    if (verdict != CGI_HEAD)
        *ret_head = plain;
    return verdict;
}
