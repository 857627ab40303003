#include "http/write.h"

#include "http/status.h"

void http_write_field(struct http_writer *writer, struct http_text name, struct http_text value)
{
    size_t size = name.length + value.length + 4;
    if (size > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return;
    }
    char *at = mempcpy(writer->at, name.data, name.length);
    *at++ = ':';
    *at++ = ' ';
    if (value.length > 0)
        at = mempcpy(at, value.data, value.length);
    *at++ = '\r';
    *at++ = '\n';
    writer->at = at;
}

#define DECIMAL_MAX 20

/* The number's digits, at the end of `buffer`. */
static struct http_text decimal(char buffer[DECIMAL_MAX], uint64_t value)
{
    char *at = buffer + DECIMAL_MAX;
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return http_text_make(at, (size_t)(buffer + DECIMAL_MAX - at));
}

void http_write_number(struct http_writer *writer, uint64_t value)
{
    char buffer[DECIMAL_MAX];
    http_write_text(writer, decimal(buffer, value));
}

void http_write_field_number(struct http_writer *writer, struct http_text name, uint64_t value)
{
    char buffer[DECIMAL_MAX];
    http_write_field(writer, name, decimal(buffer, value));
}

void http_write_end(struct http_writer *writer)
{
    http_write_raw(writer, "\r\n", 2);
}

/* Copies the headers that are neither hop-by-hop nor in `drop`. Neighbours that stand as they should are
 * copied together. */
static void copy_headers(struct http_writer *writer, const struct http_head *head, uint64_t drop)
{
    uint32_t run = 0;
    uint32_t run_end = 0;
    for (uint32_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        if ((header->flags & HTTP_HEADER_IS_HOP) || (drop & HTTP_HEADER_BIT(header->id)))
            continue;
        bool plain = header->flags & HTTP_HEADER_IS_PLAIN;
        if (!plain || header->name_offset != run_end) {
            http_write_raw(writer, head->bytes + run, run_end - run);
            run = run_end = header->name_offset;
        }
        if (plain)
            run_end = header->value_offset + header->value_length + 2;
        else
            http_write_field(writer, http_head_name(head, header), http_head_value(head, header));
    }
    http_write_raw(writer, head->bytes + run, run_end - run);
}

static void copy_upgrade(struct http_writer *writer, const struct http_head *head)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_UPGRADE);
    for (; header; header = http_head_next(head, header))
        http_write_field(writer, HTTP_TEXT("Upgrade"), http_head_value(head, header));
    http_write_text(writer, HTTP_TEXT("Connection: upgrade\r\n"));
}

static void write_framing(struct http_writer *writer, enum http_framing framing, int64_t content_length)
{
    if (framing == HTTP_FRAMING_LENGTH)
        http_write_field_number(writer, HTTP_TEXT("Content-Length"), (uint64_t)content_length);
    else if (framing == HTTP_FRAMING_CHUNKED)
        http_write_text(writer, HTTP_TEXT("Transfer-Encoding: chunked\r\n"));
}

void http_write_request(struct http_writer *writer, const struct http_head *head,
                        const struct http_request_edit *edit)
{
    http_write_text(writer, http_head_text(head, head->method_text));
    bool has_slash = edit->target.length > 0 && edit->target.data[0] == '/';
    bool needs_slash = !has_slash && head->target_form != HTTP_TARGET_ASTERISK;
    http_write_raw(writer, " /", needs_slash ? 2 : 1);
    http_write_text(writer, edit->target);
    http_write_text(writer, HTTP_TEXT(" HTTP/1.1\r\n"));
    http_write_field(writer, HTTP_TEXT("Host"),
                     edit->host.length > 0 ? edit->host : http_head_text(head, head->host));
    uint64_t expect = head->version_minor == 0 ? HTTP_HEADER_BIT(HTTP_HEADER_EXPECT) : 0;
    copy_headers(writer, head, edit->drop | expect | HTTP_HEADER_BIT(HTTP_HEADER_HOST));
    write_framing(writer, (enum http_framing)head->framing, head->content_length);
    if (head->upgrade)
        copy_upgrade(writer, head);
}

enum http_framing http_response_framing(const struct http_head *head, uint8_t client_minor)
{
    if (head->framing != HTTP_FRAMING_CHUNKED && head->framing != HTTP_FRAMING_UNTIL_CLOSE)
        return (enum http_framing)head->framing;
    return client_minor == 0 ? HTTP_FRAMING_UNTIL_CLOSE : HTTP_FRAMING_CHUNKED;
}

static void write_status_line(struct http_writer *writer, int status, struct http_text reason)
{
    http_write_text(writer, HTTP_TEXT("HTTP/1.1 "));
    http_write_number(writer, (uint64_t)status);
    http_write_raw(writer, " ", 1);
    http_write_text(writer, reason.length > 0 ? reason : http_status_reason(status));
    http_write_end(writer);
}

static void write_connection(struct http_writer *writer, bool keep_alive, uint8_t client_minor)
{
    if (!keep_alive)
        http_write_text(writer, HTTP_TEXT("Connection: close\r\n"));
    else if (client_minor == 0)
        http_write_text(writer, HTTP_TEXT("Connection: keep-alive\r\n"));
}

void http_write_response(struct http_writer *writer, const struct http_head *head,
                         const struct http_response_edit *edit)
{
    write_status_line(writer, head->status, http_head_text(head, head->reason));
    copy_headers(writer, head, edit->drop);
    if (head->status == 101 || (head->status == 426 && http_head_has(head, HTTP_HEADER_UPGRADE)))
        copy_upgrade(writer, head);
    if (head->status < 200)
        return;
    enum http_framing framing = (enum http_framing)edit->framing;
    bool length_only = framing == HTTP_FRAMING_NONE && head->content_length >= 0 && head->status != 204;
    write_framing(writer, length_only ? HTTP_FRAMING_LENGTH : framing, head->content_length);
    write_connection(writer, edit->keep_alive, edit->client_minor);
}

void http_write_trailers(struct http_writer *writer, const struct http_trailers *trailers)
{
    if (trailers)
        copy_headers(writer, &trailers->head, 0);
    http_write_end(writer);
}

void http_write_answer(struct http_writer *writer, const struct http_answer *answer)
{
    bool may_have_body = answer->status >= 200 && answer->status != 204 && answer->status != 304;
    write_status_line(writer, answer->status, HTTP_TEXT(""));
    if (answer->content_type.length > 0)
        http_write_field(writer, HTTP_TEXT("Content-Type"), answer->content_type);
    if (may_have_body)
        http_write_field_number(writer, HTTP_TEXT("Content-Length"), answer->body.length);
    if (answer->status >= 200)
        write_connection(writer, answer->keep_alive, answer->client_minor);
}

void http_write_answer_end(struct http_writer *writer, const struct http_answer *answer)
{
    bool may_have_body = answer->status >= 200 && answer->status != 204 && answer->status != 304;
    http_write_end(writer);
    if (may_have_body && !answer->head_only)
        http_write_text(writer, answer->body);
}

size_t http_chunk_begin(char ret_line[HTTP_CHUNK_BEGIN_MAX], uint64_t size)
{
    size_t digits = size == 0 ? 1 : (size_t)(67 - __builtin_clzll(size)) / 4;
    for (size_t i = digits; i > 0; i--) {
        ret_line[i - 1] = "0123456789abcdef"[size & 15];
        size >>= 4;
    }
    ret_line[digits] = '\r';
    ret_line[digits + 1] = '\n';
    return digits + 2;
}
