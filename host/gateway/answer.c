#include "gateway/answer.h"

#include "base/public_text.h"
#include "gateway/forward.h"

#define ALLOWED "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, TRACE"

/* Big enough for an error whose every byte needs an escape of six. */
#define BODY_MAX 12288

static bool names_media_type(struct http_text value, struct http_text type)
{
    struct http_text member;
    while (http_text_next_member(&value, &member)) {
        const char *semicolon = memchr(member.data, ';', member.length);
        if (semicolon)
            member.length = (size_t)(semicolon - member.data);
        while (member.length > 0 && (member.data[member.length - 1] == ' '))
            member.length--;
        if (http_text_equal_nocase(member, type))
            return true;
    }
    return false;
}

static bool asks_for(const struct http_head *head, struct http_text type)
{
    const struct http_header *accept = http_head_find(head, HTTP_HEADER_ACCEPT);
    return accept && names_media_type(http_head_value(head, accept), type);
}

/* Only who asks for text and not for JSON gets text. What the head of a delivered call asks for is what the
 * one who called would have, and is not who reads this. */
static bool wants_text(const struct exchange *exchange)
{
    const struct http_head *head = &exchange->request;
    return !client_is_calls(exchange->client) && asks_for(head, HTTP_TEXT("text/plain")) &&
           !asks_for(head, HTTP_TEXT("application/json"));
}

/* What clients of the /system contract show, or look into, as it comes. */
static bool is_of_contract(const struct exchange *exchange, const struct error *error)
{
    return error->code == ERROR_FUNCTION_UNKNOWN && client_is_of_management(exchange->client) &&
           !asks_for(&exchange->request, HTTP_TEXT("application/json"));
}

static void write_escaped(struct http_writer *body, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\') {
            http_write_raw(body, (const char[]){'\\', (char)*p}, 2);
        } else if (*p < 0x20) {
            static const char digits[] = "0123456789abcdef";
            http_write_raw(body, (const char[]){'\\', 'u', '0', '0', digits[*p >> 4], digits[*p & 15]}, 6);
        } else {
            http_write_raw(body, p, 1);
        }
    }
}

static void write_member(struct http_writer *body, struct http_text name, const char *value)
{
    http_write_raw(body, "\"", 1);
    http_write_text(body, name);
    http_write_raw(body, "\":\"", 3);
    write_escaped(body, value);
    http_write_raw(body, "\",", 2);
}

static void write_json(struct http_writer *body, const struct error *error, struct http_text id)
{
    http_write_text(body, HTTP_TEXT("{\"error\":{"));
    write_member(body, HTTP_TEXT("component"), error_component_name(error->component));
    write_member(body, HTTP_TEXT("reason"), error_code_slug(error->code));
    write_member(body, HTTP_TEXT("message"), error->message);
    write_member(body, HTTP_TEXT("hint"), error->hint);
    http_write_text(body, HTTP_TEXT("\"request_id\":\""));
    http_write_text(body, id);
    http_write_text(body, HTTP_TEXT("\"}}\n"));
}

static void write_plain(struct http_writer *body, const struct error *error, struct http_text id)
{
    const char *const parts[] = {error_component_name(error->component),
                                 ": ",
                                 error->message,
                                 "\n",
                                 error->hint,
                                 error->hint[0] ? "\n" : "",
                                 "reason ",
                                 error_code_slug(error->code)};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        http_write_raw(body, parts[i], strlen(parts[i]));
    http_write_text(body, HTTP_TEXT(", request "));
    http_write_text(body, id);
    http_write_raw(body, "\n", 1);
}

static void write_bare(struct http_writer *body, const struct error *error)
{
    http_write_raw(body, error->message, strlen(error->message));
    http_write_text(body, HTTP_TEXT("\n"));
    http_write_raw(body, error->hint, strlen(error->hint));
    http_write_text(body, error->hint[0] ? HTTP_TEXT("\n") : HTTP_TEXT(""));
}

/* The header that a status asks for, whole; empty: none. */
static struct http_text demanded_by(int status, enum error_code code)
{
    if (status == 503)
        return HTTP_TEXT("Retry-After: 1\r\n");
    if (code == ERROR_CALL_METHOD)
        return HTTP_TEXT("Allow: GET, HEAD, DELETE\r\n");
    if (status == 405)
        return HTTP_TEXT("Allow: OPTIONS\r\n");
    return HTTP_TEXT("");
}

/* What every answer has, and its end. */
static void write_answer(struct http_writer *writer, const struct exchange *exchange,
                         const struct http_answer *answer, struct http_text extra)
{
    http_write_answer(writer, answer);
    http_write_field(writer, HTTP_TEXT("Date"), http_text_make(loop_date(exchange->loop), HTTP_DATE_LENGTH));
    http_write_field(writer, HTTP_TEXT("X-Request-Id"), exchange->id);
    forward_call_fields(writer, exchange);
    forward_server_timing(writer, exchange, 0);
    http_write_text(writer, extra);
    http_write_answer_end(writer, answer);
}

/* What goes to the public names no folder of this host, whoever made the error. */
static struct error for_strangers(const struct error *error)
{
    struct error shown = {.code = error->code, .component = error->component};
    public_text(error->message, shown.message, sizeof(shown.message));
    public_text(error->hint, shown.hint, sizeof(shown.hint));
    return shown;
}

void answer_write_error(struct http_writer *writer, const struct exchange *exchange, int status,
                        const struct error *cause)
{
    const struct error shown = for_strangers(cause), *error = &shown;
    char text[BODY_MAX];
    struct http_writer body = http_writer_make(text, sizeof(text));
    bool bare = is_of_contract(exchange, error), plain = bare || wants_text(exchange);
    if (bare)
        write_bare(&body, error);
    else if (plain)
        write_plain(&body, error, exchange->id);
    else
        write_json(&body, error, exchange->id);
    struct http_answer answer = {
        .status = status,
        .content_type = plain ? HTTP_TEXT("text/plain; charset=utf-8") : HTTP_TEXT("application/json"),
        .body = http_text_make(text, http_writer_size(&body)),
        .client_minor = exchange->request.version_minor,
        .keep_alive = exchange->keep_alive,
        .head_only = exchange->request.method == HTTP_METHOD_HEAD,
    };
    write_answer(writer, exchange, &answer, demanded_by(status, error->code));
}

void answer_write_options(struct http_writer *writer, const struct exchange *exchange)
{
    struct http_answer answer = {
        .status = 204,
        .client_minor = exchange->request.version_minor,
        .keep_alive = exchange->keep_alive,
    };
    write_answer(writer, exchange, &answer, HTTP_TEXT("Allow: " ALLOWED "\r\n"));
}
