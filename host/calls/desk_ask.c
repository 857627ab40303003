#include "calls/desk_ask.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "http/hop.h"

#include <stdlib.h>
#include <string.h>

/* Written anew for each delivery, or meant for this host. */
#define NOT_KEPT                                                                                             \
    (HTTP_HOP_BY_HOP | HTTP_HEADER_BIT(HTTP_HEADER_EXPECT) | HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) |     \
     HTTP_HEADER_BIT(HTTP_HEADER_X_CALL_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_START_TIME))

/* A header that means something to the desk. */
enum own_header { OWN_NONE, OWN_ASYNC, OWN_CALLBACK, OWN_KEY };

static enum own_header find_own(struct http_text name)
{
    static const struct {
        struct http_text name;
        enum own_header header;
    } rows[] = {
        {HTTP_TEXT("X-Berth-Async"), OWN_ASYNC},
        {HTTP_TEXT("X-Callback-Url"), OWN_CALLBACK},
        {HTTP_TEXT("Idempotency-Key"), OWN_KEY},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (http_text_equal_nocase(name, rows[i].name))
            return rows[i].header;
    }
    return OWN_NONE;
}

/* Copies texts of a head into one piece of memory: each has at least a byte behind it there that ends it. */
struct texts {
    char *at;
};

static const char *copy(struct texts *texts, struct http_text text)
{
    char *copied = texts->at;
    if (text.length > 0)
        memcpy(copied, text.data, text.length);
    copied[text.length] = '\0';
    texts->at += text.length + 1;
    return copied;
}

/* --- what is asked for --- */

static bool is_id(struct http_text text)
{
    if (text.length != CALL_ID_DIGITS)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (!http_char_is_digit(text.data[i]) && (text.data[i] < 'a' || text.data[i] > 'f'))
            return false;
    }
    return true;
}

static bool drop_end(struct http_text *text, struct http_text end)
{
    if (text->length < end.length ||
        memcmp(text->data + text->length - end.length, end.data, end.length) != 0)
        return false;
    text->length -= end.length;
    return true;
}

/* "/ID" or "/ID/result". */
static void read_place(const struct http_head *head, struct desk_ask *ask)
{
    struct http_text path = http_head_text(head, head->path);
    if (path.length == 0)
        return;
    struct http_text id = http_text_make(path.data + 1, path.length - 1);
    if (ask->kind == DESK_LOOK && drop_end(&id, HTTP_TEXT("/result")))
        ask->kind = DESK_RESULT;
    if (is_id(id))
        memcpy(ask->id, id.data, id.length);
}

static int read_kind(struct http_text value, struct texts *texts, struct desk_ask *ask)
{
    static const struct http_text accept = HTTP_TEXT("accept ");
    if (http_text_equal(value, HTTP_TEXT("look")))
        ask->kind = DESK_LOOK;
    else if (http_text_equal(value, HTTP_TEXT("cancel")))
        ask->kind = DESK_CANCEL;
    else if (value.length > accept.length && memcmp(value.data, accept.data, accept.length) == 0)
        ask->function = copy(texts, http_text_make(value.data + accept.length, value.length - accept.length));
    else
        return -1;
    return 0;
}

/* --- what goes on to the function --- */

static void keep_line(struct strbuf *lines, struct http_text name, struct http_text value)
{
    strbuf_append(lines, name.data, name.length);
    strbuf_append(lines, ": ", 2);
    strbuf_append(lines, value.data, value.length);
    strbuf_append(lines, "\r\n", 2);
}

/* What a header means to the desk. False: nothing, or the function is to have it all the same. */
static bool take_own(enum own_header own, struct http_text value, struct texts *texts, struct desk_ask *ask)
{
    switch (own) {
    case OWN_ASYNC:
        return true;
    case OWN_CALLBACK:
        if (!ask->callback_url)
            ask->callback_url = copy(texts, value);
        return true;
    case OWN_KEY:
        if (!ask->key)
            ask->key = copy(texts, value);
        return false;
    case OWN_NONE:
        break;
    }
    return false;
}

static void take_header(const struct http_head *head, const struct http_header *header, struct texts *texts,
                        struct strbuf *lines, struct desk_ask *ask)
{
    struct http_text name = http_head_name(head, header), value = http_head_value(head, header);
    if (take_own(find_own(name), value, texts, ask))
        return;
    if (header->id == HTTP_HEADER_X_REAL_IP)
        ask->client = copy(texts, value);
    if (!(header->flags & HTTP_HEADER_IS_HOP) && !(NOT_KEPT & HTTP_HEADER_BIT(header->id)))
        keep_line(lines, name, value);
}

static void read_accept(const struct http_head *head, struct texts *texts, struct desk_ask *ask)
{
    struct strbuf lines;
    strbuf_init(&lines, 2 * DESK_HEAD_MAX); /* a line is longer than it was by a blank at most */
    ask->method = copy(texts, http_head_text(head, head->method_text));
    ask->target = copy(texts, http_head_text(head, head->target));
    for (uint32_t i = 0; i < head->header_count; i++)
        take_header(head, &head->headers[i], texts, &lines, ask);
    ask->head = strbuf_steal(&lines);
}

static const struct http_header *find_async(const struct http_head *head)
{
    for (uint32_t i = 0; i < head->header_count; i++) {
        if (find_own(http_head_name(head, &head->headers[i])) == OWN_ASYNC)
            return &head->headers[i];
    }
    return NULL;
}

int desk_ask_read(const struct http_head *head, struct desk_ask *ret_ask)
{
    struct desk_ask ask = {.kind = DESK_ACCEPT, .head_only = head->method == HTTP_METHOD_HEAD};
    const struct http_header *async = find_async(head);
    const struct http_header *request_id = http_head_find(head, HTTP_HEADER_X_REQUEST_ID);
    if (!async)
        return -1;
    ask.texts = xmalloc(head->length + 1);
    struct texts texts = {.at = ask.texts};
    if (read_kind(http_head_value(head, async), &texts, &ask) < 0) {
        desk_ask_clear(&ask);
        return -1;
    }
    if (request_id)
        ask.request_id = copy(&texts, http_head_value(head, request_id));
    if (ask.kind == DESK_ACCEPT)
        read_accept(head, &texts, &ask);
    else
        read_place(head, &ask);
    *ret_ask = ask;
    return 0;
}

void desk_ask_clear(struct desk_ask *ask)
{
    free(ask->texts);
    free(ask->head);
    *ask = (struct desk_ask){.kind = DESK_ACCEPT};
}
