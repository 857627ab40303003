#include "http/prefer.h"

/* The bytes up to the comma that ends a preference; one within a quoted string ends none. */
static size_t member_length(struct http_text list)
{
    bool quoted = false;
    size_t at = 0;
    for (; at < list.length && (quoted || list.data[at] != ','); at++) {
        if (list.data[at] == '"')
            quoted = !quoted;
        else if (quoted && list.data[at] == '\\' && at + 1 < list.length)
            at++;
    }
    return at;
}

/* Takes the next preference, with its value and parameters, off a list; false when there is none. */
static bool take_member(struct http_text *list, struct http_text *ret_member)
{
    do {
        if (list->length == 0)
            return false;
        size_t length = member_length(*list);
        size_t taken = length < list->length ? length + 1 : length;
        *ret_member = http_text_trim(http_text_make(list->data, length));
        *list = http_text_make(list->data + taken, list->length - taken);
    } while (ret_member->length == 0);
    return true;
}

static bool is_named(struct http_text member, struct http_text name)
{
    size_t length = 0;
    while (length < member.length && http_char_is_token(member.data[length]))
        length++;
    return http_text_equal_nocase(http_text_make(member.data, length), name);
}

bool http_prefer_has(const struct http_head *head, struct http_text name)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_PREFER);
    for (; header; header = http_head_next(head, header)) {
        struct http_text list = http_head_value(head, header), member;
        while (take_member(&list, &member)) {
            if (is_named(member, name))
                return true;
        }
    }
    return false;
}

/* A line of its own for each, since a quoted string that never ends does so with its line. */
static void write_others(struct http_writer *writer, struct http_text list, struct http_text name)
{
    struct http_text member;
    bool any = false;
    while (take_member(&list, &member)) {
        if (is_named(member, name))
            continue;
        http_write_text(writer, any ? HTTP_TEXT(", ") : HTTP_TEXT("Prefer: "));
        http_write_text(writer, member);
        any = true;
    }
    if (any)
        http_write_end(writer);
}

void http_prefer_write_others(struct http_writer *writer, const struct http_head *head, struct http_text name)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_PREFER);
    for (; header; header = http_head_next(head, header))
        write_others(writer, http_head_value(head, header), name);
}
