#include "cgi_output.h"

#include <string.h>
#include <strings.h>

/* Names that answers have and prose has not. A name that ends with '-' stands for all that begin with it. */
static const char *const telling_names[] = {
    "Access-Control-",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Length",
    "Content-Range",
    "Content-Security-",
    "Content-Type",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
    "Set-Cookie",
    "Status",
    "WWW-Authenticate",
    "X-",
    "Referrer-Policy",
    "Strict-Transport-Security",
};

static bool is_telling(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(telling_names) / sizeof(telling_names[0]); i++) {
        const char *telling = telling_names[i];
        size_t size = strlen(telling);
        bool fits = telling[size - 1] == '-' ? length > size : length == size;
        if (fits && strncasecmp(name, telling, size) == 0)
            return true;
    }
    return false;
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

/* Whether the name that has come so far may become a telling one. */
static bool begins_telling(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(telling_names) / sizeof(telling_names[0]); i++) {
        size_t size = strlen(telling_names[i]);
        if (strncasecmp(name, telling_names[i], length < size ? length : size) == 0)
            return length < size || telling_names[i][size - 1] == '-';
    }
    return false;
}

/* Looks at a line that may not have come to its end. False: it is no header, whatever follows. */
static bool may_become_header(const char *line, size_t length, bool *ret_telling)
{
    size_t name = 0;
    while (name < length && is_token_char(line[name]))
        name++;
    if (name < length && (name == 0 || line[name] != ':'))
        return false;
    *ret_telling = name < length ? is_telling(line, name) : begins_telling(line, name);
    return true;
}

static bool starts_telling(const char *line, size_t length)
{
    bool telling = false;
    return may_become_header(line, length, &telling) && telling;
}

/* The output ends within its first line or within a block that may be one of headers. */
static enum cgi_verdict judge_rest(const char *line, size_t length, bool is_telling_so_far)
{
    bool telling = false;
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length > 0 && !may_become_header(line, length, &telling))
        return CGI_BODY;
    return is_telling_so_far || telling ? CGI_HEAD_BEGUN : CGI_UNDECIDED;
}

/* Takes the lines up to the empty one. */
static enum cgi_verdict parse_lines(const char *text, size_t size, struct cgi_head *head)
{
    bool has_status = false, telling = false;
    for (size_t at = 0;;) {
        const char *line = text + at;
        const char *end = at < size ? memchr(line, '\n', size - at) : NULL;
        struct berth_header header;
        if (!end)
            return judge_rest(line, size - at, telling);
        size_t length = (size_t)(end - line);
        at += length + 1;
        if (length > 0 && line[length - 1] == '\r')
            length--;
        if (length == 0) {
            head->size = at;
            break;
        }
        head->lines++;
        if (!split_line(line, length, &header) || !take_header(head, &header, &has_status)) {
            head->is_doubtful = telling || starts_telling(line, length);
            return CGI_BODY;
        }
        telling |= header.value_length > 0 && is_telling(header.name, header.name_length);
    }
    if (head->has_location && !has_status)
        head->status = 302;
    return telling ? CGI_HEAD : CGI_BODY;
}

enum cgi_verdict cgi_output_parse(const char *text, size_t size, bool is_all, struct cgi_head *ret_head)
{
    *ret_head = (struct cgi_head){.status = 200, .content_length = -1};
    enum cgi_verdict verdict = parse_lines(text, size, ret_head);
    if ((verdict == CGI_UNDECIDED || verdict == CGI_HEAD_BEGUN) && is_all) {
        ret_head->is_doubtful = verdict == CGI_HEAD_BEGUN;
        verdict = CGI_BODY;
    }
    if (verdict != CGI_HEAD)
        *ret_head = (struct cgi_head){.status = 200,
                                      .content_length = -1,
                                      .is_doubtful = ret_head->is_doubtful,
                                      .lines = ret_head->lines};
    return verdict;
}
