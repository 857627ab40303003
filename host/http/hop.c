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
    if (http_text_equal_nocase(member, HTTP_TEXT("close"))) {
        head->connection.close = true;
    } else if (http_text_equal_nocase(member, HTTP_TEXT("keep-alive"))) {
        head->connection.keep_alive = true;
    } else if (http_text_equal_nocase(member, HTTP_TEXT("upgrade"))) {
        head->connection.upgrade = true;
    } else {
        mark_named(head, member);
    }
}

bool http_hop_mark(struct http_head *head)
{
    unsigned members = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (head->headers[i].id != HTTP_HEADER_CONNECTION) {
            continue;
        }
        struct http_text list = http_head_value(head, &head->headers[i]);
        struct http_text member;
        while (http_text_next_member(&list, &member)) {
            if (++members > MEMBERS_MAX) {
                return false;
            }
            read_member(head, member);
        }
    }
    return true;
}
