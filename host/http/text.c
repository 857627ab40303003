#include "http/text.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool http_text_equal_nocase(struct http_text a, struct http_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    }
    return true;
}

struct http_text http_text_trim(struct http_text text)
{
    while (text.length > 0 && http_char_is_space(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length > 0 && http_char_is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

struct http_text http_text_first_line(struct http_text text)
{
    const char *end = memchr(text.data, '\n', text.length);
    return http_text_make(text.data, end ? (size_t)(end - text.data) : text.length);
}

bool http_text_next_member(struct http_text *list, struct http_text *ret_member)
{
    while (list->length > 0) {
        const char *comma = memchr(list->data, ',', list->length);
        size_t length = comma ? (size_t)(comma - list->data) : list->length;
        struct http_text member = http_text_trim(http_text_make(list->data, length));
        size_t taken = comma ? length + 1 : length;
        list->data += taken;
        list->length -= taken;
        if (member.length > 0) {
            *ret_member = member;
            return true;
        }
    }
    return false;
}

bool http_char_is_token(char c)
{
    if (http_char_is_letter(c) || http_char_is_digit(c))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c);
}
