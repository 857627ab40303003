#include "http/hop.h"

#include "http/head.h"

#define MEMBERS_MAX 64 /* each may cost a walk over all headers */

static void mark_named(struct http_head *head, struct http_text name)
{
    enum http_header_id id = http_header_find(name.data, name.length);
    for (uint32_t i = 0; i < head->header_count; i++) {
        struct http_header *header = &head->headers[i];
        if (header->id == id &&
            (id != HTTP_HEADER_OTHER || http_text_equal_nocase(http_head_name(head, header), name))) {
            header->flags |= HTTP_HEADER_IS_HOP;
            head->connection.names_others = true;
        }
    }
}

static void read_member(struct http_head *head, struct http_text member)
{
    if (http_text_equal_nocase(member, HTTP_TEXT("close")))
        head->connection.close = true;
    else if (http_text_equal_nocase(member, HTTP_TEXT("keep-alive")))
        head->connection.keep_alive = true;
    else if (http_text_equal_nocase(member, HTTP_TEXT("upgrade")))
        head->connection.upgrade = true;
    else
        mark_named(head, member);
}

bool http_hop_mark(struct http_head *head)
{
    unsigned members = 0;
    const struct http_header *header = http_head_find(head, HTTP_HEADER_CONNECTION);
    for (; header; header = http_head_next(head, header)) {
        struct http_text list = http_head_value(head, header), member;
        while (http_text_next_member(&list, &member)) {
            if (++members > MEMBERS_MAX)
                return false;
            read_member(head, member);
        }
    }
    return true;
}

int64_t http_hops_left(const struct http_head *head)
{
    if (head->method != HTTP_METHOD_TRACE && head->method != HTTP_METHOD_OPTIONS)
        return -1;
    const struct http_header *header = http_head_find(head, HTTP_HEADER_MAX_FORWARDS);
    if (!header || header->value_length == 0)
        return -1;
    struct http_text digits = http_head_value(head, header);
    int64_t hops = 0;
    for (size_t i = 0; i < digits.length; i++) {
        if (!http_char_is_digit(digits.data[i]))
            return -1;
        hops = hops * 10 + (digits.data[i] - '0');
        if (hops > UINT32_MAX)
            hops = UINT32_MAX;
    }
    return hops;
}
